import io

import pytest

from infra.embedded.supervisor.output import Printer


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_names_are_as_wide_as_the_widest() -> None:
    out = io.StringIO()
    printer = Printer(["api", "kafka"], out)
    printer("api", "one")
    printer("kafka", "two")
    assert out.getvalue() == "api   | one\nkafka | two\n"


def test_names_are_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    out = Terminal()
    Printer(["api"], out)("api", "one")
    assert out.getvalue() == "\x1b[36mapi | \x1b[0mone\n"


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = Terminal()
    Printer(["api"], out)("api", "one")
    assert out.getvalue() == "api | one\n"
