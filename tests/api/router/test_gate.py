import math
from pathlib import Path

from api.allowance import Allowance
from api.auth import KeyRing
from api.router.ask import ANONYMOUS, Caller, Goal
from api.router.gate import KeyGate, fingerprint
from api.router.queue.limits import KeyLimits

USUAL = KeyLimits(priority_ceiling=2, max_in_flight=9)


def bearer(text: str) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + text.encode()}


def test_without_a_key_everybody_is_one_caller(tmp_path: Path) -> None:
    gate = KeyGate(KeyRing(tmp_path), needed=False, limits=USUAL)
    assert gate.identify({}) == Caller(ANONYMOUS, limits=USUAL)
    assert gate.identify(bearer("anything")) == Caller(fingerprint("anything"), limits=USUAL)
    assert KeyGate(KeyRing(tmp_path), needed=True).identify(bearer("anything")) is None
    assert KeyGate(KeyRing(tmp_path), needed=True).identify({}) is None


def test_a_key_of_ours_brings_what_it_may_have(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    text = ring.create("app", allowance=Allowance(weight=3.0, tokens=100, models=("a",), goal="efficiency"))
    for needed in (False, True):
        found = KeyGate(KeyRing(tmp_path), needed=needed, limits=USUAL).identify(bearer(text))
        assert found is not None
        assert (found.fingerprint, found.name) == (ring.keys()[0].id, "app")
        assert found.limits == KeyLimits(priority_ceiling=2, weight=3.0, max_in_flight=9, tokens=100)
        assert (found.models, found.goal) == (frozenset({"a"}), Goal.EFFICIENCY)


def test_a_change_and_an_end_hold_from_the_next_request_on(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path)
    text = ring.create("app")
    gate = KeyGate(KeyRing(tmp_path), needed=True)
    first = gate.identify(bearer(text))
    assert first is not None
    assert gate.identify(bearer(text)) is first, "it is made once"
    ring.allow("app", {"max_wait_s": 5})
    second = gate.identify(bearer(text))
    assert second is not None
    assert (first.limits.max_wait_s, second.limits.max_wait_s) == (math.inf, 5)
    ring.revoke("app")
    assert gate.identify(bearer(text)) is None
