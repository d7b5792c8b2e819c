"""A line in dots: where it is, what is beyond the threshold, and what is not joined."""

from rich.text import Text

from infra.plot import braille
from infra.plot.tracks import Mark, Track, Value

SECOND = 1_000_000
NAN = float("nan")


def drawn(*values: float, limit: float = NAN, comparison: str = ">=", rows: int = 4) -> list[Text]:
    of = tuple(Value(place * 10 * SECOND, value, limit) for place, value in enumerate(values))
    track = Track("temperature", "GPU-1", "°C", comparison, of)
    return braille.chart(track, (), 0, (len(values) - 1) * 10 * SECOND, (40, rows))


def plots(lines: list[Text]) -> list[str]:
    return [line.plain[11:] for line in lines]


def styled(lines: list[Text], style: str) -> str:
    found = [(line.plain, span) for line in lines for span in line.spans if span.style == style]
    return "".join(text[span.start : span.end] for text, span in found)


def test_a_rising_line_goes_from_bottom_left_to_top_right() -> None:
    lines = plots(drawn(0.0, 1.0, 2.0, 3.0))
    assert lines[-1].startswith("⣀")
    assert lines[-1].rstrip()[-1:] != lines[-1][-1:]
    assert lines[0].strip()
    assert not lines[0][:20].strip()


def test_labels_are_of_the_highest_and_the_lowest() -> None:
    lines = drawn(2e9, 1.5, 3.0)
    assert lines[0].plain[:10].strip() == "2G"
    assert lines[-1].plain[:10].strip() == "1.5"


def test_what_is_beyond_the_threshold_is_in_another_style_either_way() -> None:
    assert styled(drawn(0.0, 10.0, 0.0, limit=5.0), braille.BEYOND)
    assert not styled(drawn(0.0, 4.0, 0.0, limit=5.0), braille.BEYOND)
    assert styled(drawn(4.0, 4.0, 3.0, limit=5.0, comparison="<"), braille.WITHIN) == ""
    assert "╌" in styled(drawn(0.0, 10.0, 0.0, limit=5.0), braille.LIMIT)


def test_what_has_no_reading_leaves_a_gap() -> None:
    whole, broken = plots(drawn(*[1.0] * 12, limit=0.0)), plots(drawn(1.0, *[NAN] * 10, 1.0, limit=0.0))
    dots = [sum(0x2800 < ord(char) <= 0x28FF for line in lines for char in line) for lines in (whole, broken)]
    assert dots[1] == 2 < dots[0]


def test_a_flat_line_without_a_threshold_and_no_line_at_all_are_drawn() -> None:
    assert any(line.strip() for line in plots(drawn(5.0, 5.0)))
    assert not any(line.strip() for line in plots(drawn(NAN, NAN)))


def test_marks_have_labels_that_do_not_lie_upon_each_other() -> None:
    marks = (Mark(0, "onset"), Mark(SECOND, "opened"), Mark(90 * SECOND, "ended"))
    lines = [line.plain for line in braille.axis(marks, 0, 90 * SECOND, 70)]
    assert len(lines) == 3
    for name in ("onset 00:00:00", "opened 00:00:01", "ended 00:01:30"):
        assert sum(name in line for line in lines) == 1
    assert max(map(len, lines)) <= 70
    assert lines[-1].split() == ["00:00:00", "00:01:30"]


def test_a_strip_says_what_was_so_when() -> None:
    cells = [(place * 10 * SECOND, "▇" if 3 <= place < 6 else "·", "") for place in range(10)]
    line = braille.strip("holds", cells, 0, 90 * SECOND, 51).plain
    assert line.split()[0] == "holds"
    signs = line[11:]
    assert len(signs) == 40
    assert signs.strip("·") == "▇" * signs.count("▇")
    assert 10 <= signs.count("▇") <= 15
