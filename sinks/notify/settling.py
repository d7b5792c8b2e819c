"""The end of a delivery, or of an attempt: the fact of it, and a dead letter where nobody was told."""

from schemas.events.delivery_attempted import DeliveryAttempted, DeliveryOutcome
from schemas.events.notification_due import NotificationDue
from schemas.ids import derived_id
from sinks.notify.channel import Receipt
from sinks.notify.clock import Clock
from sinks.notify.delivery import Delivery
from sinks.notify.facts import Facts
from sinks.notify.metrics import ATTEMPT_SECONDS, ATTEMPTS, FACT_TO_SENT_SECONDS

UNDELIVERABLE = ("refused", "gave_up")


class Settling:
    """Writes what becomes of deliveries."""

    def __init__(self, facts: Facts, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock

    async def record(
        self,
        delivery: Delivery,
        outcome: DeliveryOutcome,
        receipt: Receipt,
        *,
        kind: str = "",
        again_in_s: float = 0.0,
        body: NotificationDue | None = None,
    ) -> None:
        """Write the fact of an attempt or a decision; done when Kafka has it.

        ``body`` is the notification, where the delivery has none; without it there is no dead letter.
        """
        now = self._clock.wall_us()
        if outcome in UNDELIVERABLE and (notification := delivery.body or body):
            await self._facts.bury(
                delivery.place, delivery.rule_id, notification, delivery.channel_id, receipt.said
            )
        since_ms = (now - delivery.fact_arrived_at) / 1000
        await self._facts.write(
            DeliveryAttempted(
                id=_id(delivery, outcome),
                occurred_at=now,
                notification_id=delivery.notification_id,
                group_id=delivery.group_id,
                rule_id=delivery.rule_id,
                channel_id=delivery.channel_id,
                channel_kind=kind,
                attempt=delivery.attempts,
                outcome=outcome,
                status=receipt.status,
                error="" if outcome == "delivered" else receipt.said,
                took_ms=receipt.took_ms,
                next_attempt_at=now + round(again_in_s * 1e6) if outcome == "retrying" else 0,
                since_fact_ms=since_ms,
            ),
            delivery.rule_id,
            delivery.place.partition,
        )
        ATTEMPTS.labels(delivery.channel_id, outcome).inc()
        if receipt.took_ms:
            ATTEMPT_SECONDS.labels(kind).observe(receipt.took_ms / 1000)
        if outcome == "delivered" and delivery.attempts == 1 and not delivery.again:
            FACT_TO_SENT_SECONDS.observe(max(0.0, since_ms / 1000))


def _id(delivery: Delivery, outcome: DeliveryOutcome) -> str:
    parts = (delivery.notification_id, delivery.channel_id, delivery.attempts, outcome)
    return derived_id("delivery_attempted", *parts, *([delivery.again] if delivery.again else []))
