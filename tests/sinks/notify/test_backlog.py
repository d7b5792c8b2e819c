from typing import Any

from schemas.events.delivery_attempted import DeliveryAttempted
from schemas.events.notification_due import NotificationDue
from sinks.notify.backlog import Backlog, Tried
from sinks.notify.lease import Lease
from sinks.notify.offsets import Offsets
from sinks.notify.rate import Rate
from tests.samples import at
from tests.sinks.notify.making import notification

OPENED, UPDATED, RESOLVED = (
    notification("g", number, kind=kind) for number, kind in enumerate(["opened", "updated", "resolved"])
)


def attempt(
    of: NotificationDue, outcome: Any = "delivered", number: int = 1, seconds: float = 0.0
) -> DeliveryAttempted:
    return DeliveryAttempted(
        "",
        at(seconds),
        of.id,
        of.group_id,
        of.rule_id,
        "ops",
        "webhook",
        number,
        outcome,
        0,
        "",
        1000.0,
        0,
        0.0,
    )


def told(*events: Any) -> Backlog:
    backlog = Backlog()
    for offset, event in enumerate(events):
        backlog.tell(event, offset)
    return backlog


def test_what_was_delivered_is_recognized() -> None:
    backlog = told(OPENED, attempt(OPENED), RESOLVED)
    assert backlog.fate(OPENED, "ops", 0, is_old=False) == "settled"
    assert backlog.fate(OPENED, "other", 0, is_old=False) == "send"
    assert backlog.fate(RESOLVED, "ops", 2, is_old=True) == "send"


def test_attempts_are_counted_on() -> None:
    backlog = told(OPENED, attempt(OPENED, "retrying", 1, 10), attempt(OPENED, "retrying", 2, 20))
    assert backlog.fate(OPENED, "ops", 0, is_old=False) == "send"
    assert backlog.tried(OPENED, "ops", 0) == Tried(2, at(9))
    assert backlog.tried(OPENED, "other", 0) == Tried()


def test_a_copy_to_be_delivered_again_is_not_settled_by_what_became_of_the_first() -> None:
    backlog = told(OPENED, attempt(OPENED, "gave_up"), OPENED)
    assert backlog.fate(OPENED, "ops", 0, is_old=False) == "settled"
    assert backlog.fate(OPENED, "ops", 2, is_old=False) == "send"
    assert backlog.tried(OPENED, "ops", 2) == Tried()
    assert (
        told(OPENED, attempt(OPENED, "gave_up"), OPENED, attempt(OPENED)).fate(OPENED, "ops", 2, is_old=False)
        == "settled"
    )


def test_what_is_old_and_over_is_not_told() -> None:
    backlog = told(OPENED, UPDATED, RESOLVED)
    assert [
        backlog.fate(one, "ops", offset, is_old=True)
        for offset, one in enumerate((OPENED, UPDATED, RESOLVED))
    ] == ["over"] * 3


def test_what_is_old_and_still_holds_is_told_late() -> None:
    backlog = told(OPENED, UPDATED, UPDATED._replace(revision=2, id="u2"))
    assert backlog.fate(OPENED, "ops", 0, is_old=True) == "send"
    assert backlog.fate(UPDATED, "ops", 1, is_old=True) == "overtaken"
    assert backlog.fate(UPDATED._replace(id="u2"), "ops", 2, is_old=True) == "send"


def test_the_resolve_of_what_was_told_always_comes() -> None:
    assert told(RESOLVED).fate(RESOLVED, "ops", 0, is_old=True) == "send"
    backlog = told(OPENED, attempt(OPENED, "retrying"), RESOLVED)
    assert backlog.fate(OPENED, "ops", 0, is_old=True) == "send"
    assert backlog.fate(RESOLVED, "ops", 2, is_old=True) == "send"


def test_a_recent_update_of_what_was_left_untold_is_left_too() -> None:
    backlog = told(OPENED, UPDATED, RESOLVED)
    fates = [
        backlog.fate(one, "ops", offset, is_old=old)
        for offset, (one, old) in enumerate([(OPENED, True), (UPDATED, False), (RESOLVED, False)])
    ]
    assert fates == ["over"] * 3


def test_offsets_are_committed_only_behind_what_is_settled() -> None:
    offsets = Offsets(5)
    for offset, deliveries in ((5, 0), (6, 2), (7, 1), (9, 0)):
        offsets.read(offset, deliveries)
    assert offsets.committable == 6
    offsets.settle(7)
    offsets.settle(6)
    assert offsets.committable == 6
    offsets.settle(6)
    assert offsets.committable == 10


def test_a_process_that_was_stopped_holds_back() -> None:
    lease = Lease(6.0, 100.0)
    lease.renew(102.0)
    assert lease.hold_s(104.0) == 0.0
    assert lease.hold_s(114.0) == 6.0
    assert lease.hold_s(115.0) == 5.0
    assert lease.hold_s(116.0) == 4.0
    lease.renew(118.0)
    assert lease.hold_s(120.0) == 0.0


def test_a_rate() -> None:
    rate = Rate(2.0)
    for _ in range(2):
        assert rate.wait_s(100.0) == 0.0
        rate.take(100.0)
    assert rate.wait_s(100.0) == 0.5
    assert rate.wait_s(100.5) == 0.0
    rate.take(100.5)
    assert rate.wait_s(50.0) == 0.5  # a clock that steps back gives nothing
    slow = Rate(0.1)
    slow.take(0.0)
    assert round(slow.wait_s(0.0), 6) == 10.0
