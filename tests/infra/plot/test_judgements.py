"""The picture of an explanation."""

from pathlib import Path

from infra.plot.files import save
from infra.plot.judgements import draw
from infra.plot.tracks import marks, tracks
from tests.infra.plot.explanations import at, evidence, explanation, point


def test_values_thresholds_and_marks_are_in_the_picture(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    save(draw(explanation()), file)
    text = file.read_text("utf-8")
    values = ("Too hot: gpu-01", "temperature of GPU-1, °C", "83 is wrong")
    for words in (*values, "onset, opened", "ended", "holds"):
        assert words in text, words
    again = tmp_path / "b.svg"
    save(draw(explanation()), again)
    assert again.read_bytes() == file.read_bytes()


def test_a_picture_for_a_screen(tmp_path: Path) -> None:
    save(draw(explanation(ended_at=None, node_id="")), tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_without_judgements_there_is_a_title(tmp_path: Path) -> None:
    file = tmp_path / "a.svg"
    save(draw(explanation(points=[], deciding=None, evidence=[])), file)
    assert "Too hot" in file.read_text("utf-8")


def test_the_deciding_value_comes_first_and_others_that_are_compared_follow() -> None:
    other = evidence(0.7, name="share", comparison=">", threshold=0.5)
    told = evidence(3.0, name="fans", comparison="")
    points = [point(0, 80.0, evidence=[other, told, evidence(80.0)]), point(10, None)]
    found = explanation(points=points, evidence=[evidence(84.0), other, told])
    first, second = tracks(found)
    assert (first.name, second.name) == ("temperature", "share")
    assert first.values[0].value == 80.0
    assert first.values[1].value != first.values[1].value


def test_of_another_subject_the_value_is_that_which_was_judged() -> None:
    elsewhere = evidence(95.0, subject="GPU-2")
    (track,) = tracks(explanation(points=[point(0, 80.0, evidence=[elsewhere])]))
    assert track.values[0].value == 95.0


def test_marks_of_one_moment_are_one() -> None:
    found = explanation()
    assert [mark.name for mark in marks(found)] == ["onset, opened", "ended"]
    assert [mark.name for mark in marks(explanation(onset_at=at(0), ended_at=None))] == ["onset", "opened"]
