import pytest

from infra.bench.node import GPUS, Measured, Sent, table
from schemas.codec.serde import encode_body
from schemas.errors import UnavailableError
from tests.samples import at, gpu, sample

PHASE = Measured("usual", at(1), at(101), cpu_ratio=0.0123, rss_bytes=70_400_000)


def sent(seq: int, lateness_s: float, size_bytes: int, gpus: int = GPUS) -> Sent:
    one = sample(seq, gpus=tuple(gpu(f"GPU-{number}") for number in range(gpus)))
    return Sent(one._replace(agent=one.agent._replace(lateness_s=lateness_s)), size_bytes)


def test_a_phase_is_measured_by_its_own_samples() -> None:
    before, after = sent(0, 9.0, 9000), sent(101, 9.0, 9000)
    mine = [sent(seq, seq / 1000, 1000 + seq) for seq in range(1, 101)]
    found = table([PHASE], [before, *mine, after])
    assert list(found.rows[0][:-1]) == ["usual", 1.23, 70.4, 100, 50.0, 99.0, 1050, 1100]
    assert found.rows[0][-1] == len(encode_body(mine[0].sample)), "it has no runtimes to leave out"
    assert len(found.columns) == len(found.rows[0])
    assert "has 9000 bytes" in found.note


def test_samples_without_the_gpus_are_no_measurement() -> None:
    with pytest.raises(UnavailableError, match="8 GPUs"):
        table([PHASE], [sent(1, 0.0, 500, gpus=0)])
