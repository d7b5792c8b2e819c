"""What an operator's action does to an observation. An action on one that is not open does nothing."""

from processors.patterns import lifecycle
from processors.patterns.lifecycle import Moment, Told
from processors.patterns.state import Life
from schemas.events.operator_action import OperatorAction


def act(lives: tuple[Life, ...], action: OperatorAction, moment: Moment) -> tuple[tuple[Life, ...], Told]:
    """Return the lives after the action, and what is to be told; nothing where it changes nothing."""
    for index, life in enumerate(lives):
        if life.open and life.open[0].observation_id == action.target_id:
            after, told = _on(life, action, moment)
            return (*lives[:index], after, *lives[index + 1 :]), told
    return lives, ()


def _on(life: Life, action: OperatorAction, moment: Moment) -> tuple[Life, Told]:
    if action.action == "resolve":
        return lifecycle.end(life, moment, "operator")
    if action.action == "acknowledge":
        until = action.expires_at
        return lifecycle.change(life, moment, "operator", acknowledged_by=action.by, acknowledged_until=until)
    if action.action == "dismiss":
        until = action.expires_at or lifecycle.FOREVER
        return lifecycle.change(life, moment, "operator", dismissed_until=until)
    nothing: dict[str, str | int] = {"acknowledged_by": "", "acknowledged_until": 0, "dismissed_until": 0}
    return lifecycle.change(life, moment, "operator", **nothing)
