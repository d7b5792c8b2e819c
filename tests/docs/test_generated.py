"""What is generated is as generated now, and complete."""

from pathlib import Path

import pytest

from infra.docs.files import FILES
from infra.docs.markdown import replace_part, table
from infra.docs.metrics import metrics
from processors.faust.memory import BEHIND_RECORDS
from schemas.codec.catalog import EVENT_TYPES
from schemas.settings.load import names, variable
from schemas.topics import TOPICS

ROOT = Path(__file__).resolve().parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.mark.parametrize("name", FILES)
def test_document_is_as_generated(name: str) -> None:
    assert text(name) == FILES[name](text(name)), "run python -m infra.docs"


def test_every_setting_is_in_the_readme() -> None:
    assert [name for name in names() if f"| `{variable(name)}` |" not in text("README.md")] == []


def test_every_topic_is_in_the_architecture() -> None:
    assert [
        topic.name for topic in TOPICS if f"`penstock.{topic.name}`" not in text("docs/architecture.md")
    ] == []


def test_every_event_is_in_the_events() -> None:
    assert [event for event in EVENT_TYPES if f"\n## {event}\n" not in text("docs/events.md")] == []


def test_every_metric_is_in_the_metrics() -> None:
    assert [metric.name for metric in metrics() if f"`{metric.name}" not in text("docs/metrics.md")] == []


def test_a_part_is_replaced_between_its_marks() -> None:
    before = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"
    assert replace_part(before, "x", "new\n") == "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n"
    with pytest.raises(ValueError, match="no part y"):
        replace_part(before, "y", "")


def test_a_cell_may_hold_a_pipe() -> None:
    assert table(["a"], [["x|y"]]) == "| a |\n| --- |\n| x\\|y |\n"


def test_the_architecture_says_how_far_a_stored_state_may_be_behind() -> None:
    assert f"when {BEHIND_RECORDS:,} records came since" in text("docs/architecture.md")
