"""Completion, and what inputs of the prompt mean."""

from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from infra.cli.asking.prompt import is_whole, statement
from infra.cli.asking.words import SqlCompleter, Words

WORDS = Words({"node_states": ("node_id", "power_w"), "gpu_states": ("gpu_id",)}, ("quantile", "quantiles"))


def completed(text: str, after: str = "") -> list[str]:
    document = Document(text + after, len(text))
    return [each.text for each in SqlCompleter(WORDS).get_completions(document, CompleteEvent())]


def test_tables_functions_and_the_language() -> None:
    assert completed("SELECT 1 FROM node") == ["node_states"]
    assert completed("SELECT quan") == ["quantile", "quantiles"]
    assert completed("sel") == ["select"]
    assert completed("SEL") == ["SELECT"]
    assert completed("SELECT ") == []


def test_columns_of_the_tables_that_are_named_come_first() -> None:
    assert completed("SELECT po", " FROM node_states") == ["power_w"]
    assert completed("SELECT po") == []
    assert completed("SELECT gpu_states.g") == ["gpu_id"]


def test_when_enter_asks() -> None:
    for text in ("", "SELECT 1;", "SELECT 1 ;\n", r"\d", "quit", "help"):
        assert is_whole(text), text
    for text in ("SELECT 1", "SELECT 1;\nFROM"):
        assert not is_whole(text), text


def test_what_a_backslash_means() -> None:
    assert statement("SELECT 1;") == "SELECT 1"
    assert statement(r"\d node_states;") == "DESCRIBE TABLE `node_states`"
    assert "system.tables" in statement(r"\d")
    assert r"ILIKE '%a\'b%'" in statement(r"\f a'b")
    assert statement(r"\nothing") == ""
