from hypothesis import given
from hypothesis import strategies as st

from sinks.notify.delivery import Delivery, Place, delivery_of
from sinks.notify.queue import GroupQueue
from tests.sinks.notify.making import notification


def delivery(
    group: str = "g", revision: int = 0, kind: str = "opened", due_s: float = 0.0, until_s: float = 100.0
) -> Delivery:
    one = notification(group, revision, kind=kind)
    return delivery_of(one, "ops", Place(0, revision), due_s, until_s)


def test_a_group_waits_for_its_head() -> None:
    queue = GroupQueue()
    opened, resolved, other = delivery(), delivery(revision=1, kind="resolved"), delivery("h", due_s=1.0)
    for each in (opened, resolved, other):
        assert queue.put(each) is None
    assert queue.take(0.0) is opened
    assert queue.take(0.0) is None
    assert queue.take(1.0) is other
    opened.due_s = 5.0
    queue.give_back(opened, settled=False)
    assert queue.take(4.0) is None
    assert queue.take(5.0) is opened
    queue.give_back(opened, settled=True)
    assert queue.take(5.0) is resolved
    queue.give_back(resolved, settled=True)
    queue.give_back(other, settled=True)
    assert (len(queue), queue.next_due_s()) == (0, None)


def test_an_update_that_is_overtaken_is_not_sent() -> None:
    queue = GroupQueue()
    opened, first, second, over = (
        delivery(revision=number, kind=kind)
        for number, kind in enumerate(["opened", "updated", "reminder", "resolved"])
    )
    assert queue.put(opened) is None
    assert queue.put(first) is None
    assert queue.put(second) is first
    assert queue.put(over) is second
    assert len(queue) == 2
    assert queue.take(0.0) is opened
    queue.give_back(opened, settled=True)
    assert queue.take(0.0) is over


def test_an_update_that_is_being_sent_is_not_overtaken() -> None:
    queue = GroupQueue()
    update, over = delivery(kind="updated"), delivery(revision=1, kind="resolved")
    queue.put(update)
    assert queue.take(0.0) is update
    assert queue.put(over) is None
    queue.give_back(update, settled=False)
    assert queue.take(0.0) is update


def test_what_has_expired() -> None:
    queue = GroupQueue()
    old, younger = delivery("a", due_s=50.0, until_s=10.0), delivery("b", until_s=20.0)
    queue.put(old)
    queue.put(younger)
    assert list(queue.take_expired(5.0, 9)) == []
    assert list(queue.take_expired(10.0, 0)) == []
    assert list(queue.take_expired(10.0, 9)) == [old]
    assert queue.take(0.0) is younger
    queue.give_back(old, settled=True)
    assert len(queue) == 1


KINDS = ("opened", "updated", "reminder", "resolved")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(KINDS)), max_size=30),
    st.lists(st.booleans(), max_size=60),
)
def test_every_opening_and_resolve_is_sent_in_the_order_of_its_group(
    told: list[tuple[str, str]], works: list[bool]
) -> None:
    queue = GroupQueue()
    sent: list[Delivery] = []
    overtaken: list[Delivery] = []
    outcomes = iter(works)
    put = [delivery(group, number, kind) for number, (group, kind) in enumerate(told)]
    for each in put:
        if (gone := queue.put(each)) is not None:
            overtaken.append(gone)
        if next(outcomes, False) and (one := queue.take(0.0)):
            settled = next(outcomes, True)
            queue.give_back(one, settled=settled)
            sent += [one] if settled else []
    while (one := queue.take(1.0)) is not None:
        queue.give_back(one, settled=True)
        sent.append(one)
    assert len(queue) == 0
    assert sorted(each.place.offset for each in (*sent, *overtaken)) == list(range(len(told)))
    assert all(each.is_passing for each in overtaken)
    for group in "abc":
        offsets = [each.place.offset for each in sent if each.group_id == group]
        assert offsets == sorted(offsets)
