"""What is written is read; what is damaged, altered, newer or hostile is said in one sentence."""

import hashlib
import json
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard

from processors.replay.capsule import blocks as blocks_module
from processors.replay.capsule import container, manifest
from processors.replay.capsule.errors import CapsuleError
from processors.replay.capsule.manifest import FORMAT
from processors.replay.capsule.part import _long
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.soundness import is_sound
from processors.replay.capsule.writer import drafting
from schemas.codec import packaged
from schemas.errors import RefusedError
from schemas.log_file import RECORD_SCHEMA
from tests.processors.replay.capsule.build import manifest_of, record, telemetry, write
from tests.samples import sample, tick


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "a.capsule", {"telemetry": telemetry(50)})


def rewritten(file: Path, change: Any) -> Path:
    """Return a copy whose entries are changed by ``change(name, bytes)``; None leaves one out."""
    target = file.with_name("changed.capsule")
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(target, "w") as after:
        for info in before.infolist():
            body = change(info.filename, before.read(info))
            if body is not None:
                after.writestr(container.entry(info.filename), body)
    return target


def with_manifest(file: Path, change: Any) -> Path:
    """Return a copy with another manifest."""

    def changed(name: str, body: bytes) -> bytes:
        if name != manifest.FILE:
            return body
        document = json.loads(body)
        change(document)
        return json.dumps(document).encode()

    return rewritten(file, changed)


def read(file: Path) -> None:
    """Read all there is."""
    with Capsule(file) as capsule:
        capsule.check()
        list(capsule.records([part.topic for part in capsule.manifest.parts]))


def problem_of(file: Path) -> str:
    """Return what is said of a file that cannot be used."""
    with pytest.raises(CapsuleError) as caught:
        read(file)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_records_come_back_as_they_were(file: Path) -> None:
    with Capsule(file) as capsule:
        capsule.check()
        assert list(capsule.records(["telemetry"])) == telemetry(50)
        assert repr(capsule.codec().decode(telemetry(1)[0].value)) == repr(sample(0))


def test_topics_are_merged_by_arrival(tmp_path: Path) -> None:
    ticks = [record(tick(5 * n), topic="requests", offset=n, at=5 * n + 0.5) for n in range(4)]
    file = write(tmp_path / "b.capsule", {"telemetry": telemetry(20), "requests": ticks})
    with Capsule(file) as capsule:
        found = list(capsule.records(["telemetry", "requests"]))
    assert found == sorted(found, key=lambda one: one.arrived_at)
    assert len(found) == 24


def test_equal_content_is_equal_bytes(tmp_path: Path) -> None:
    one = write(tmp_path / "1.capsule", {"telemetry": telemetry(2000)})
    other = write(tmp_path / "2.capsule", {"telemetry": telemetry(2000)})
    assert one.read_bytes() == other.read_bytes()


def test_any_avro_library_reads_a_part(file: Path) -> None:
    with zipfile.ZipFile(file) as archive, archive.open("topics/telemetry.avro") as part:
        rows: list[Any] = list(fastavro.reader(part))
    assert len(rows) == 50
    assert rows[0]["key"] == "node-1"


def test_what_is_no_capsule(tmp_path: Path) -> None:
    file = tmp_path / "x"
    for body in (b"", b"PK", b"hello" * 100, (tmp_path / "..").name.encode()):
        file.write_bytes(body)
        assert "no capsule of Penstock" in problem_of(file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme", "x" * 100)
    assert "no capsule of Penstock" in problem_of(file)
    assert "cannot be opened" in problem_of(tmp_path / "missing")


def test_a_capsule_that_was_cut_off(file: Path) -> None:
    whole = file.read_bytes()
    for size in (60, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert "cut off" in problem_of(file)


def test_any_flipped_byte_is_noticed(file: Path) -> None:
    """Whatever byte of the content changes, something is said, and never a traceback."""
    whole = bytearray(file.read_bytes())
    for place in range(0, len(whole), 37):
        damaged = bytearray(whole)
        damaged[place] ^= 0x41
        file.write_bytes(damaged)
        try:
            with Capsule(file) as capsule:
                capsule.check()
                found = list(capsule.records(["telemetry"]))
        except CapsuleError:
            continue
        assert found == telemetry(50)  # a byte that means nothing, such as a date


def test_a_part_that_was_altered_with_care(file: Path, tmp_path: Path) -> None:
    """The container's own check sums are right; the manifest's digest is not."""
    other = write(tmp_path / "other", {"telemetry": [telemetry(50)[0]._replace(key="x"), *telemetry(50)[1:]]})
    with zipfile.ZipFile(other) as archive:
        body = archive.read("topics/telemetry.avro")
    said = problem_of(rewritten(file, lambda name, was: was if name != "topics/telemetry.avro" else body))
    assert "was altered" in said


def test_a_newer_format_is_said_before_anything_else(file: Path) -> None:
    changed = rewritten(file, lambda name, body: b"7\n" if name == container.MARK else b"?")
    assert f"format 7, of a newer Penstock; this one reads up to {FORMAT}" in problem_of(changed)
    changed = with_manifest(file, lambda document: document.update(format=9))
    assert "newer Penstock" in problem_of(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda document: document.pop("parts"),
        lambda document: document.update(partitions=0),
        lambda document: document["parts"][0].update(topic="../../etc/passwd"),
        lambda document: document["parts"].append(document["parts"][0]),
        lambda document: document["parts"][0].update(sha256="0"),
        lambda document: document.update(more=1),
    ],
)
def test_a_manifest_that_says_what_cannot_be(file: Path, change: Any) -> None:
    assert "is damaged: its manifest" in problem_of(with_manifest(file, change))


@pytest.mark.parametrize(
    "fields",
    [
        '[{"name": "x", "type": {"type": "array", "items": "null"}}]',
        '[{"name": "x", "type": {"type": "array", "items": {"type": "record", "name": "E", "fields": []}}}]',
        '[{"name": "x", "type": {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}}]',
        "[]",
        '[{"name": "x", "type": ' + '{"type": "array", "items": ' * 200 + '"int"' + "}" * 201 + "]",
        "?",
    ],
)
def test_a_schema_of_endless_nothing(file: Path, fields: str) -> None:
    """A decoder would count to a billion for five bytes."""
    text = '{"type": "record", "name": "NodeSample", "namespace": "penstock", "fields": ' + fields + "}"
    hostile = {"9": {"event": "node_sample", "text": text}}
    changed = with_manifest(file, lambda document: document["schemas"].update(hostile))
    assert "its schema 9, of node_sample, is none that events have" in problem_of(changed)


def test_every_schema_of_ours_is_sound() -> None:
    assert all(is_sound(one.text) for all_ in packaged().values() for one in all_)


def test_parts_are_those_of_the_manifest(file: Path) -> None:
    gone = rewritten(file, lambda name, body: None if name.startswith("topics/") else body)
    assert "incomplete: it has no topics/telemetry.avro" in problem_of(gone)
    gone = rewritten(file, lambda name, body: None if name == manifest.FILE else body)
    assert "incomplete: it has no manifest.json" in problem_of(gone)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(container.entry("topics/extra.avro"), b"x")
    assert "not in its manifest" in problem_of(file)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "C:/x", "a\\..\\b", "topics/"])
def test_names_that_lead_elsewhere(file: Path, name: str) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(name), b"x")
    assert "leads elsewhere" in problem_of(file)


def test_an_entry_that_the_container_compresses(file: Path) -> None:
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("topics/bomb.avro", b"\0" * 10_000_000)
    assert "compressed by the container" in problem_of(file)


def test_more_entries_than_any_capsule(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as archive:
        for number in range(500):
            archive.writestr(f"e{number}", b"")
    assert "more entries than any capsule" in problem_of(file)


def bomb(file: Path, plain_bytes: int) -> Path:
    """Return a capsule whose part becomes 100 MB and whose manifest says ``plain_bytes``."""
    packed = zstandard.compress(b"\0" * 100_000_000)

    def changed(name: str, body: bytes) -> bytes:
        if not name.startswith("topics/"):
            return body
        header = len(body) - len(body[body.index(b"record of a topic") :])
        sync = body[-16:]
        begin = body.index(sync, header) + 16
        return body[:begin] + _long(1) + _long(len(packed)) + packed + sync

    part = rewritten(file, changed)
    with zipfile.ZipFile(part) as archive:
        body = archive.read("topics/telemetry.avro")
    claims = {"plain_bytes": plain_bytes, "bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    return with_manifest(part.rename(file), lambda document: document["parts"][0].update(claims))


def test_a_bomb_that_is_declared(file: Path) -> None:
    assert "times as much" in problem_of(bomb(file, 100_000_000))


def test_a_bomb_that_is_not_declared(file: Path) -> None:
    """It is given up as soon as it is larger than it may be: 100 MB are never there."""
    hostile = bomb(file, 5000)
    tracemalloc.start()
    try:
        assert "becomes more than 5000" in problem_of(hostile)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_another_schema_in_a_part(file: Path) -> None:
    """A schema of hostile depth or of records without bytes is never given to a decoder."""
    found = problem_of(rewritten(file, lambda _name, body: body.replace(b'"partition"', b'"partitiox"')))
    assert "altered" in found
    with zipfile.ZipFile(file) as archive, archive.open("topics/telemetry.avro") as part:
        raw = part.read().replace(b'"partition"', b'"partitiox"')
    target = file.with_name("part")
    target.write_bytes(raw)
    with target.open("rb") as part, pytest.raises(blocks_module.BlockError, match="another schema"):
        next(blocks_module.blocks(part, RECORD_SCHEMA, 1 << 30))


_FILLS = """
import resource, sys
from pathlib import Path
from schemas.errors import RefusedError
from tests.processors.replay.capsule.build import telemetry, write
target = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    write(target, {"telemetry": telemetry(20_000)})
except RefusedError as exc:
    print(exc)
"""


@pytest.mark.parametrize("room", [10, 200_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, room: int) -> None:
    target = tmp_path / "full.capsule"
    target.write_bytes(b"the one of before")
    command = [sys.executable, "-c", _FILLS, str(target), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert "cannot be written" in done.stdout
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_bytes() == b"the one of before"


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with drafting(tmp_path / "x") as draft:
            draft.write(telemetry(3))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="cannot be written"), drafting(tmp_path / "no" / "x"):
        pass


def test_memory_is_bounded(tmp_path: Path) -> None:
    """Reading goes block by block: a part of 13 MB needs a few of a quarter."""
    file = write(tmp_path / "large", {"telemetry": iter(telemetry(40_000))})
    with Capsule(file) as capsule:
        assert capsule.manifest.parts[0].plain_bytes > 10_000_000
        tracemalloc.start()
        try:
            assert sum(1 for _ in capsule.records(["telemetry"])) == 40_000
            assert tracemalloc.get_traced_memory()[1] < 3_000_000
        finally:
            tracemalloc.stop()


def test_a_draft_is_read_before_it_is_sealed(tmp_path: Path) -> None:
    with drafting(tmp_path / "x") as draft:
        draft.write(telemetry(3))
        preliminary = manifest_of(draft, draft.joined())
        with Capsule(draft.path, preliminary) as capsule:
            assert len(list(capsule.records(["telemetry"]))) == 3
        draft.seal(preliminary)
    with Capsule(tmp_path / "x") as capsule:
        assert capsule.manifest == preliminary
