"""``penstock backtest``: files in, tables, JSON and pictures out, and the exit status."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.infra.cli.conftest import Run
from tests.processors.replay.backtest.files import written
from tests.processors.replay.backtest.recorded import span

RULES = """\
[patterns.queue_stall]
for_s = 120

[patterns.abandonment]
enabled = false
"""
LABELS = """\
expect:
  - {pattern: queue_stall, node: r2-2, opens: 13m..14m30s, noticed: 20m}
allow:
  - {pattern: abandonment}
"""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("recorded"))


@pytest.fixture
def asked(recorded: Path, tmp_path: Path) -> list[str]:
    """The arguments that every trial needs."""
    first, last = (datetime.fromtimestamp(at / 1e6, UTC).isoformat() for at in span())
    (tmp_path / "new.toml").write_text(RULES)
    (tmp_path / "labels.yaml").write_text(LABELS)
    return [
        "backtest", "--source", str(recorded), "--from", first, "--to", last, "--jobs", "1",
        "--rules", str(tmp_path / "new.toml"),
    ]  # fmt: skip


def test_what_fired_and_what_differs(penstock: Run, asked: list[str]) -> None:
    result = penstock(*asked)
    assert result.status == 0, result.err
    assert "judged: abandonment, queue_stall" in result.out
    assert "0 gained, 1 lost, 1 moved, 0 as before" in result.out
    assert "  - abandonment on r2-2 from " in result.out
    assert "told 2 m 00 s later" in result.out
    assert "current gives exactly what was recorded (2)" in result.out


def test_of_a_file_everything_by_default(penstock: Run, asked: list[str], recorded: Path) -> None:
    rules = asked[asked.index("--rules") + 1]
    result = penstock("backtest", "--source", str(recorded), "--rules", rules, "--jobs", "1")
    assert result.status == 0, result.err
    assert "0 gained, 1 lost, 1 moved, 0 as before" in result.out


def test_of_the_store_nothing_by_default(penstock: Run) -> None:
    result = penstock("backtest", "--rules", "defaults")
    assert (result.status, result.out) == (2, "")
    assert result.err == "penstock: from when? give --from; event_log may go back for months\n"


def test_two_processes_give_the_same(penstock: Run, asked: list[str]) -> None:
    one, two = (json.loads(penstock(*asked, "--json", *jobs).out) for jobs in ((), ("--jobs", "2")))
    del one["took_s"], two["took_s"]
    assert one == two
    assert one["version"] == 1
    assert one["figures"] == {
        "fired": 1, "gained": 0, "lost": 1, "moved": 1,
        "precision": None, "recall": None, "f1": None, "lead_time_s": None,
    }  # fmt: skip
    assert one["recorded"] == {"same": 2, "only_recorded": 0, "only_judged": 0}
    assert one["diff"]["moved"][0]["opened_s"] == pytest.approx(120.0, abs=11)


def test_labels_and_a_condition_for_ci(penstock: Run, asked: list[str], tmp_path: Path) -> None:
    labels = ["--labels", str(tmp_path / "labels.yaml")]
    late = penstock(*asked, *labels, "--fail-if", "recall < 1")
    assert late.status == 1
    assert "failed: recall < 1" in late.err
    assert "labels.yaml:2: pattern queue_stall on r2-2 is due to open" in late.out
    assert "recall 0.000" in late.out
    assert "current: precision 1.000, recall 1.000, F1 1.000, lead time 6 m " in late.out
    assert penstock(*asked, *labels, "--fail-if", "recall < 0 or gained > 3").status == 0


@pytest.mark.parametrize("name", ["plot.png", "plot.svg"])
def test_a_plot(penstock: Run, asked: list[str], tmp_path: Path, name: str) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / name
    assert penstock(*asked, "--labels", str(tmp_path / "labels.yaml"), "--plot", str(file)).status == 0
    drawn = file.read_bytes()
    assert drawn.startswith(b"\x89PNG" if name.endswith("png") else b"<?xml")
    if name.endswith("svg"):
        assert b"queue_stall" in drawn
        assert b"label: due to open" in drawn
    assert [one.name for one in tmp_path.glob("plot*")] == [name]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("[patterns.queue_stal]\nfor_s = 1\n", "queue_stal is not known; did you mean queue_stall?"),
        ("[patterns.queue_stall]\nfor_s = 99999\n", "for_s is 99999: -1 to 3600 s is allowed"),
        ("[patterns.queue_stall\n", "new.toml: "),
    ],
)
def test_rules_that_cannot_be(penstock: Run, asked: list[str], tmp_path: Path, rules: str, said: str) -> None:
    (tmp_path / "new.toml").write_text(rules)
    result = penstock(*asked)
    assert result.status == 2
    assert said in result.err


def test_every_problem_of_rules_and_labels_is_said(penstock: Run, asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("[patterns.queue_stal]\n[alerts.zombied_engine]\nfor_s = -9\n")
    result = penstock(*asked)
    assert result.status == 2
    assert "queue_stal is not known" in result.err
    assert "alerts.zombied_engine.for_s is -9" in result.err
    (tmp_path / "new.toml").write_text(RULES)
    wrong = "expect:\n  - {pattern: no_such, node: a, opens: 1m..2m}\n  - {alert: wes_clif, opens: 5m..2m}\n"
    (tmp_path / "labels.yaml").write_text(wrong)
    result = penstock(*asked, "--labels", str(tmp_path / "labels.yaml"))
    assert result.status == 2
    assert "labels.yaml:2: expect[0].pattern: there is no pattern 'no_such'" in result.err
    assert "did you mean wes_cliff?" in result.err
    assert "expect[1].opens: ends before it begins" in result.err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--to", "2000-01-01T00:00:00Z"], "the range is empty"),
        (["--fail-if", "recall < 1"], "recall, which needs --labels"),
        (["--fail-if", "gained > 1", "--against", "none"], "gained, which needs rules to hold against"),
        (["--fail-if", "__import__('os')"], "is not understood"),
        (["--plot", "x.jpg"], "must end in .png or .svg"),
        (["--only", "queue_stal"], "did you mean queue_stall?"),
        (["--rules", "current"], "nothing is left to try"),
        (["--rules", "gone.toml"], "the file of rules gone.toml cannot be read"),
        (["--source", "gone.log"], "--source gone.log is not kafka"),
    ],
)
def test_what_cannot_be_is_status_2(penstock: Run, asked: list[str], more: list[str], said: str) -> None:
    result = penstock(*asked, *more)
    assert result.status == 2
    assert said in result.err
