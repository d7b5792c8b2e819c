"""The one line that a person sees first. Pure."""

from schemas.events.notification_due import NotificationDue
from sinks.notify.plain import one_line

_BEGINNINGS = {"opened": "", "updated": "Update: ", "resolved": "Resolved: ", "reminder": "Still: "}


def heading(notification: NotificationDue, *, test: bool) -> str:
    """Return the line: what has happened, of a test that it is one, and how bad it is."""
    title = one_line(notification.title, 500) or f"rule {notification.rule_name or notification.rule_id}"
    beginning = _BEGINNINGS[notification.kind]
    if title.casefold().startswith(beginning.strip(" :").casefold()) and beginning:
        beginning = ""
    severity = "" if notification.kind == "resolved" else f"[{notification.severity}] "
    marked = "[test] " if test or notification.test else ""
    return one_line(f"{marked}{severity}{beginning}{title}", 600)
