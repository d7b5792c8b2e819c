"""``penstock score``: which scenarios, what is printed, and the exit status."""

import json
from pathlib import Path

import pytest

from tests.infra.cli.conftest import Run

CALM = """\
duration: 2m
interval: 5s
nodes:
  - {name: box, cpu: ryzen-7950x, memory: 64GB}
expect: []
"""
WRONG = CALM.replace(
    "expect: []", "expect:\n  - {alert: node_offline, node: box, opens: 1m..2m, resolves: never}"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "tests" / "scenarios"
    found.mkdir(parents=True)
    (found / "calm.yaml").write_text(CALM)
    return found


def test_in_a_checkout_its_scenarios(penstock: Run, folder: Path) -> None:
    result = penstock("score", "--jobs", "1")
    assert result.status == 0
    assert "calm: right, " in result.err
    assert "pattern thermal_drain" in result.out


def test_one_that_is_off_is_status_1_and_a_line(penstock: Run, folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    result = penstock("score", "--jobs", "1", str(folder))
    assert result.status == 1
    assert "wrong: 1 off, " in result.err
    assert "wrong:6: alert node_offline on box is due to open 01:00..02:00: it did not\n" in result.out


def test_json(penstock: Run, folder: Path) -> None:
    (folder / "wrong.yaml").write_text(WRONG)
    result = penstock("score", "--json", "--jobs", "2")
    assert result.status == 1
    document = json.loads(result.out)
    assert [one["scenario"] for one in document["scenarios"]] == ["calm", "wrong"]
    offline = next(one for one in document["detections"] if one["id"] == "node_offline")
    assert (offline["false_negatives"], offline["recall"], offline["precision"]) == (1, 0.0, None)
    assert document["detections"][-1]["id"] == "all"


def test_the_table_goes_into_the_document(penstock: Run, folder: Path, tmp_path: Path) -> None:
    document = tmp_path / "docs" / "detections.md"
    document.parent.mkdir()
    document.write_text("before\n<!-- score -->\nold\n<!-- /score -->\nafter\n")
    assert penstock("score", "--jobs", "1", "--write-docs").status == 0
    text = document.read_text()
    assert text.startswith("before\n<!-- score -->\n| detection | scenarios |")
    assert text.endswith("|\n<!-- /score -->\nafter\n")
    assert "old" not in text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nothing.yaml"], "there is no file nothing.yaml"),
        (["unlabelled.yaml"], "unlabelled has no labels"),
        (["calm", "--write-docs"], "has no part <!-- score -->"),
    ],
)
def test_wrong_use(penstock: Run, folder: Path, tmp_path: Path, arguments: list[str], says: str) -> None:
    (tmp_path / "unlabelled.yaml").write_text(CALM.replace("expect: []\n", ""))
    result = penstock("score", *arguments)
    assert result.status == 2
    assert says in result.err
