"""What the next process of facts is told again: all of what is open or not written down, and nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from api.router.lifecycle.kept import Kept
from api.router.lifecycle.moments import Moment, ended, received, sent
from api.router.lifecycle.wire import unpacked
from tests.api.router.lifecycle.moments import ask, choice, finish


def again(kept: Kept) -> list[Moment]:
    return [unpacked(line) for parcel in kept.again() for line in parcel.lines]


def test_a_request_is_forgotten_when_its_end_is_written_down() -> None:
    kept, one = Kept(), ask("a")
    first = kept.take([received(0.0, one), sent(0.1, one, 1, choice())])
    second = kept.take([ended(1.0, one, finish())])
    kept.written(first.number)
    assert (kept.waiting, len(again(kept)), list(kept.ids)) == (1, 3, ["a"])
    kept.written(second.number)  # of a process that has ended: it was told again meanwhile
    assert (kept.waiting, len(kept)) == (3, 1)
    kept.written(second.number + 1)
    assert (kept.waiting, len(kept), again(kept)) == (0, 0, [])


def test_what_was_not_received_is_left_out() -> None:
    kept, one = Kept(), ask("a")
    assert kept.take([sent(0.0, one, 1, choice()), ended(1.0, one, finish())]).lines == []
    kept.take([received(0.0, one), ended(1.0, one, finish())])
    assert len(again(kept)) == 2


@given(st.lists(st.sampled_from(["received", "ended", "written", "again"]), max_size=30), st.data())
def test_nothing_is_missing_whenever_a_process_ends(steps: list[str], data: st.DataObject) -> None:
    """Whoever was told everything since the last ``again``, and what was written before, knows all."""
    kept, came, over, number = Kept(), 0, set[str](), 0
    told: list[tuple[int, str, str]] = []
    written: set[tuple[str, str]] = set()
    for step in steps:
        if step == "received":
            came += 1
            parcel = kept.take([received(0.0, ask(f"r{came}"))])
            told.append((parcel.number, "received", f"r{came}"))
        elif step == "ended" and came > len(over):
            request = data.draw(st.sampled_from([f"r{n}" for n in range(1, came + 1) if f"r{n}" not in over]))
            over.add(request)
            parcel = kept.take([ended(1.0, ask(request), finish())])
            told.append((parcel.number, "ended", request))
        elif step == "written" and told:
            number = data.draw(st.sampled_from(told))[0]
            kept.written(number)
            written |= {(what, request) for at, what, request in told if at <= number}
        elif step == "again":
            told = [
                (parcel.number, type(moment).__name__.lower(), moment.request_id)
                for parcel in kept.again()
                for moment in map(unpacked, parcel.lines)
            ]
    heard = {(what, request) for _, what, request in told} | written
    assert heard >= {("received", f"r{n}") for n in range(1, came + 1)} | {("ended", one) for one in over}
    assert kept.waiting <= 2 * came
