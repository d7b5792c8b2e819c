"""``penstock capsule``: made of a simulated log, verified, redacted; and what is said of bad files."""

import json
import re
from pathlib import Path

import pytest

from infra.cli.main import main
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.replaying import replay
from processors.replay.share import Said
from schemas.events.observation import ObservationOpened
from tests.infra.cli.conftest import Run
from tests.processors.replay.capsule.test_container import with_manifest
from tests.processors.replay.recorded import SCENARIO

FROM = ("--from", "2026-01-12T12:01:00Z")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    (folder / "x.yaml").write_text(SCENARIO.replace("{duration}", "5m"))
    assert main(["simulate", str(folder / "x.yaml"), "--out", "log", "--file", str(folder / "x.avro")]) == 0
    return folder / "x.avro"


def test_from_a_log_to_a_verdict(penstock: Run, log: Path) -> None:
    made = penstock("capsule", "create", "--source", str(log), *FROM, "-o", "a.capsule", "--jobs", "1")
    assert made.status == 0, made.err
    told = penstock("capsule", "info", "a.capsule")
    assert (
        "range 2026-01-12T12:01:00Z to 2026-01-12T12:05:00Z, warm-up since 2026-01-12T12:00:00Z" in told.out
    )
    digest = re.search(r"^replayed (\w{64})$", told.out, re.MULTILINE)
    assert digest is not None
    assert digest[0] in made.out
    verified = penstock("capsule", "verify", "a.capsule", "--jobs", "1")
    assert verified.status == 0
    assert f"digest {digest[1]}" in verified.out
    assert "nothing that was said live is in it" in verified.out
    assert verified.out.endswith("verdict: equal\n")
    document = json.loads(penstock("capsule", "info", "a.capsule", "--json").out)
    assert document["parts"][-1]["topic"] == "telemetry"
    assert document["digest"] in told.out


def test_an_observation_that_nobody_recorded_is_found_by_a_replay(penstock: Run, log: Path) -> None:
    penstock("capsule", "create", "--source", str(log), *FROM, "-o", "a.capsule", "--jobs", "1")
    found: list[ObservationOpened] = []

    def take(said: Said) -> None:
        if isinstance(said.record.event, ObservationOpened):
            found.append(said.record.event)

    with Capsule(Path("a.capsule")) as capsule:
        replay(Path("a.capsule"), capsule.manifest, take=take)
    wanted = found[0].observation_id
    made = penstock("capsule", "create", "--source", str(log), "--observation", wanted, "-o", "o.capsule")
    assert made.status == 0, made.err
    assert f"of: observation {wanted}; fleet sim; nodes {found[0].node_id};" in made.out
    assert "stages node-stage, request-stage, pattern-stage;" in made.out
    redacted = penstock("capsule", "redact", "o.capsule", "-o", "r.capsule")
    assert redacted.status == 0, redacted.err
    assert found[0].node_id + ";" not in redacted.out
    assert wanted not in redacted.out
    assert penstock("capsule", "verify", "r.capsule").status == 0
    missing = penstock("capsule", "create", "--source", str(log), "--observation", "xxxx", "-o", "n.capsule")
    assert (missing.status, missing.err) == (
        1,
        f"penstock: {log} has no observation whose id is, or begins with, xxxx\n",
    )
    assert not Path("n.capsule").exists()


def test_redacted_at_once(penstock: Run, log: Path) -> None:
    made = penstock(
        "capsule", "create", "--source", str(log), *FROM, "--redact", "-o", "r.capsule", "--jobs", "1"
    )
    assert made.status == 0, made.err
    assert ", without names" in made.out
    assert [path.name for path in Path.cwd().iterdir()] == ["r.capsule"]
    assert b"node-1\x00" not in Path("r.capsule").read_bytes()


def test_one_that_is_judged_otherwise_here(penstock: Run, log: Path) -> None:
    penstock("capsule", "create", "--source", str(log), *FROM, "-o", "a.capsule", "--jobs", "1")
    changed = with_manifest(Path("a.capsule"), lambda document: document["settings"].update(pue=2.0))
    verified = penstock("capsule", "verify", str(changed), "--jobs", "1")
    assert verified.status == 1
    assert "the first difference is in node-states of node-1: " in verified.out
    assert verified.out.endswith("verdict: not equal\n")


def test_what_cannot_be_a_capsule(penstock: Run, log: Path) -> None:
    for command in ("info", "verify", "load"):
        said = penstock("capsule", command, str(log))
        assert (said.status, said.out) == (1, "")
        assert said.err == f"penstock: {log} is no capsule of Penstock\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "which incident? give --observation ID, --alert ID, or --from T --to T"),
        (("--observation", "a", "--alert", "b"), "--observation or --alert, not both"),
        (("--alert", "a", "--from", "-1h"), "--alert tells the range and the node"),
        (("--from", "then"), "--from: 'then' is not a time"),
        (("--from", "-1h", "--rules", "none.toml"), "none.toml cannot be read"),
    ],
)
def test_options_that_mean_nothing(penstock: Run, log: Path, options: tuple[str, ...], said: str) -> None:
    result = penstock("capsule", "create", "--source", str(log), *options, "-o", "x")
    assert result.status == 2
    assert said in result.err


def test_a_range_that_the_log_does_not_have(penstock: Run, log: Path) -> None:
    result = penstock("capsule", "create", "--source", str(log), "--from", "2026-02-01T00:00:00Z", "-o", "x")
    assert result.status == 1
    assert "has nothing so late" in result.err


def test_a_folder_that_does_not_exist(penstock: Run, log: Path) -> None:
    for more in ((), ("--redact",)):
        result = penstock("capsule", "create", "--source", str(log), *FROM, *more, "-o", "no/x")
        assert result.status == 1
        assert "the capsule no/x cannot be written: No such file or directory" in result.err
