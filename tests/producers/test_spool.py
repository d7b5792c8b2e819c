import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.spool import Spool
from schemas.errors import ConfigError

LIMIT = 1 << 20


def opened(folder: Path, limit: int = LIMIT) -> Spool:
    spool = Spool(folder, limit)
    spool.open()
    return spool


def drained(spool: Spool, step: int = 3) -> list[bytes]:
    found: list[bytes] = []
    while records := (batch := spool.peek(step)).records:
        found.extend(records)
        spool.acknowledge(batch)
    return found


def test_records_come_out_in_order_and_are_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    records = [b"%d" % number for number in range(100)]
    for record in records:
        spool.append(record)
    assert (spool.records, spool.pending_bytes) == (100, sum(8 + len(record) for record in records))
    assert drained(spool) == records
    assert (spool.records, spool.pending_bytes) == (0, 0)
    assert not list(tmp_path.glob("*.spool")), "nothing is left on disk"


def test_what_is_acknowledged_does_not_come_again_after_a_restart(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(10):
        spool.append(b"%d" % number)
    spool.acknowledge(spool.peek(4))
    spool.close()
    again = opened(tmp_path)
    assert again.records == 6
    assert drained(again) == [b"%d" % number for number in range(4, 10)]


def test_what_was_not_acknowledged_comes_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"a")
    assert spool.peek().records == (b"a",)
    assert spool.peek().records == (b"a",)
    spool.close()
    assert drained(opened(tmp_path)) == [b"a"]


def test_above_the_limit_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    records = [b"%06d" % number + bytes(1000) for number in range(3000)]
    for record in records:
        spool.append(record)
    on_disk = sum(path.stat().st_size for path in tmp_path.glob("*.spool"))
    assert on_disk <= LIMIT
    kept = drained(spool)
    assert kept == records[-len(kept) :]
    assert spool.dropped_total == len(records) - len(kept)
    assert len(kept) > 900, "no more go than must"


def test_a_batch_that_was_dropped_meanwhile_is_acknowledged_in_vain(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.append(b"first")
    batch = spool.peek()
    for number in range(1200):
        spool.append(b"%d" % number + bytes(1000))
    before = spool.peek()
    spool.acknowledge(batch)
    assert spool.peek() == before


def test_a_stale_cursor_never_points_into_a_new_segment(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(5):
        spool.append(b"old%d" % number)
    spool.acknowledge(spool.peek(4))
    spool.acknowledge(spool.peek(1))
    spool.close()
    spool = opened(tmp_path)
    for number in range(9):
        spool.append(b"new%d" % number)
    spool.close()
    assert drained(opened(tmp_path)) == [b"new%d" % number for number in range(9)]


def test_a_damaged_cursor_means_records_come_again(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(5):
        spool.append(b"%d" % number)
    spool.acknowledge(spool.peek(2))
    spool.close()
    (tmp_path / "cursor").write_bytes(b"x" * 20)
    assert len(drained(opened(tmp_path))) == 5


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    acknowledged=st.integers(0, 20),
    data=st.data(),
)
def test_a_crash_at_any_byte_leaves_a_prefix_in_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], acknowledged: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = opened(folder)
    records = [bytes([number]) * size for number, size in enumerate(sizes)]
    for record in records:
        spool.append(record)
    taken = 0
    if acknowledged:
        batch = spool.peek(acknowledged)
        spool.acknowledge(batch)
        taken = len(batch.records)
    spool.close()
    cut = 0
    for path in folder.glob("*.spool"):  # one at most: the records are small
        cut = data.draw(st.integers(0, path.stat().st_size))
        os.truncate(path, cut)
    ends = [sum(8 + size for size in sizes[: number + 1]) for number in range(len(sizes))]
    whole = sum(end <= cut for end in ends)
    again = opened(folder)
    found = drained(again)
    if whole > taken or taken == len(records):
        assert found == records[taken:whole]
    else:  # the cursor is beyond the cut: what is left may come again
        assert found == records[:whole][len(records[:whole]) - len(found) :]
    again.append(b"next")
    assert drained(again) == [b"next"]


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), st.integers(0, 255))
def test_a_flipped_byte_is_never_handed_out(
    tmp_path_factory: pytest.TempPathFactory, position: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = opened(folder)
    records = [bytes([number]) * 12 for number in range(10)]
    for record in records:
        spool.append(record)
    spool.close()
    path = next(folder.glob("*.spool"))
    content = bytearray(path.read_bytes())
    content[position % len(content)] = value
    path.write_bytes(content)
    found = drained(opened(folder))
    assert found == records[: len(found)]


def test_a_segment_of_zeros_is_no_record(tmp_path: Path) -> None:
    (tmp_path / f"{1:020d}.spool").write_bytes(bytes(100))
    spool = opened(tmp_path)
    assert (spool.records, spool.torn_total) == (0, 1)


def test_a_file_that_is_damaged_while_open_costs_only_itself(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for number in range(200):
        spool.append(b"%06d" % number + bytes(1000))
    first, *_ = sorted(tmp_path.glob("*.spool"))
    os.truncate(first, 0)
    found = drained(spool)
    assert len(found) + spool.dropped_total == 200
    assert found[-1].startswith(b"000199")
    assert spool.torn_total == 1


def test_a_folder_has_one_user(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    with pytest.raises(ConfigError, match=r"another process writes to .*data_dir"):
        opened(tmp_path)
    spool.close()
    opened(tmp_path).close()


def test_a_large_record_goes_through(tmp_path: Path) -> None:
    spool = opened(tmp_path, 8 << 20)
    large = bytes(1 << 20)
    spool.append(b"before")
    spool.append(large)
    assert drained(spool) == [b"before", large]


FULL = """
import resource, signal, sys
from pathlib import Path
from producers.spool import Spool
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
spool = Spool(Path(sys.argv[1]), 1 << 20)
spool.open()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
written = 0
try:
    while True:
        spool.append(b"x" * 100)
        written += 1
except OSError:
    pass
try:
    spool.append(b"x" * 2000)
except OSError:
    pass
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
spool.append(b"after")
print(written, spool.records, spool.peek().records[-1].decode())
"""


def test_a_full_disk_takes_no_half_record(tmp_path: Path) -> None:
    # A limit on the size of files refuses part of a write, as a full disk does.
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["9", "10", "after"]
    assert len(drained(opened(tmp_path))) == 10


KILLED = """
import os, sys
from pathlib import Path
from producers.spool import Spool
spool = Spool(Path(sys.argv[1]), 1 << 20)
spool.open()
number = 0
while True:
    spool.append(b"%d" % number)
    os.write(1, b"%d\\n" % number)
    number += 1
    if number % 7 == 0:
        spool.acknowledge(spool.peek(3))
"""


def test_kill_9_loses_nothing_that_append_returned_for(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(2000):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    told = process.stdout.read().split()
    process.wait()
    process.stdout.close()
    found = [int(record) for record in drained(opened(tmp_path))]
    assert found == list(range(found[0], found[-1] + 1)), "in order, without holes"
    last = int(told[-1]) if told and told[-1].isdigit() else 1999
    assert found[-1] >= last - 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes where it is forbidden")
def test_a_read_only_folder_is_an_os_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OSError, match="Permission"):
        opened(tmp_path / "spool")


def test_a_folder_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        Spool(tmp_path / "file" / "spool", LIMIT).append(b"x")
