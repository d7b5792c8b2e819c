from collections.abc import Iterable, Mapping

from api.router.boards import ANEW_S, REFRESH_S, Boards
from api.router.scoring.board import Load
from api.router.scoring.place import Place
from tests.api.router.scoring.build import POLICY, place


class Known:
    """Places that are counted each time they are made."""

    def __init__(self) -> None:
        self.made: list[frozenset[str] | None] = []
        self.busy = 0

    def places(self, wanted: Iterable[str] | None) -> Mapping[str, Place]:
        self.made.append(None if wanted is None else frozenset(wanted))
        return {id_: place(id_) for id_ in wanted or ("a", "b")}

    def load(self, id_: str) -> Load:
        return Load(self.busy if id_ == "a" else 0, 1)

    def boards(self) -> Boards:
        return Boards((POLICY, POLICY), self.places, self.load)


def test_places_are_rated_when_they_are_first_asked_for_and_then_as_they_age() -> None:
    known = Known()
    boards = known.boards()
    assert known.made == []
    assert len(boards.at(0.0)) == 2
    boards.at(ANEW_S - 0.01)
    assert known.made == [None]
    boards.at(ANEW_S)
    assert known.made == [None, None]


def test_many_news_are_taken_in_together_and_only_those() -> None:
    known = Known()
    boards = known.boards()
    boards.at(0.0)
    for _ in range(5):
        boards.hear("a")
        boards.at(REFRESH_S - 0.01)
    assert known.made == [None]
    boards.at(REFRESH_S)
    boards.at(REFRESH_S + 0.01)
    assert known.made == [None, {"a"}]
    boards.hear("b", at_once=True)
    boards.at(REFRESH_S + 0.02)
    assert known.made == [None, {"a"}, {"b"}]


def test_loads_count_at_once() -> None:
    known = Known()
    boards = known.boards()
    board, _ = boards.at(0.0)
    assert board.waits == [0.0, 0.0]
    known.busy = 3
    boards.load("a")
    boards.at(0.0)
    assert board.waits[0] > 3.0
    assert board.columns[0].fixed[0] > board.columns[0].fixed[1] + 3.0
