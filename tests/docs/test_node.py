"""The operator's page of the agent names what the code has."""

from pathlib import Path

from infra.docs.frozen import render
from producers.node.frozen_rules import GPU_RULES, HOST_RULES
from producers.node.sensors import apple
from producers.node.sources import all_sources

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "node.md").read_text("utf-8")


def test_every_collector_is_on_the_page(tmp_path: Path) -> None:
    names = {source.name for source in (*all_sources(tmp_path), *apple.sources("darwin"))}
    assert [name for name in names if f"`{name}`" not in PAGE] == []


def test_every_rule_is_in_the_table() -> None:
    assert all(rule.why in render() for rule in (*GPU_RULES, *HOST_RULES))
    assert render() in PAGE


def test_every_reason_of_a_suspect_is_explained() -> None:
    reasons = ("negative", "over_rating", "frozen", "clock_step", "suspended")
    assert [reason for reason in reasons if f"`{reason}`" not in PAGE] == []
