"""When a delivery is tried again. Pure but for chance, which is given."""

from collections.abc import Callable

from schemas.settings.notifier import NotifierSettings


def delay_s(
    attempts: int, retry_after_s: float | None, settings: NotifierSettings, chance: Callable[[], float]
) -> float:
    """Return the seconds until the next attempt after so many.

    They double from the first up to the last, and are drawn between the half and the whole, so that what
    failed together does not come again together. A Retry-After is obeyed where it is longer, up to its limit.
    """
    doubled = settings.first_retry_s * 2.0 ** min(attempts - 1, 40)
    drawn = min(doubled, settings.last_retry_s) * (0.5 + 0.5 * chance())
    return max(drawn, min(retry_after_s or 0.0, settings.retry_after_s))
