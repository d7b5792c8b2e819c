"""What the notifier tells Prometheus. The label channel has the ids of channels."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

ATTEMPTS = Counter(
    "penstock_notifier_attempts_total",
    "Attempts and decisions, by channel and outcome: delivered, retrying, refused, gave_up, dropped.",
    ["channel", "outcome"],
)
ATTEMPT_SECONDS = Histogram(
    "penstock_notifier_attempt_seconds",
    "Seconds from sending to the receiver's answer, by kind of channel.",
    ["kind"],
    buckets=_SECONDS,
)
FACT_TO_SENT_SECONDS = Histogram(
    "penstock_notifier_fact_to_sent_seconds",
    "Seconds from the broker's time of the fact to the receiver's answer, of what needed one attempt.",
    buckets=_SECONDS,
)
WAITING = Gauge(
    "penstock_notifier_waiting", "Messages that wait or are being tried, by channel.", ["channel"]
)
CHANNEL_UP = Gauge(
    "penstock_notifier_channel_up",
    "1 unless the last attempt found the receiver in trouble, by channel.",
    ["channel"],
)
DEAD_LETTERS = Counter(
    "penstock_notifier_dead_letters_total",
    "Messages given up and records nobody can read, by reason: undeliverable, decode and others.",
    ["reason"],
)
READING = Gauge(
    "penstock_notifier_reading_ok", "0 while so many messages wait that no more are read from Kafka."
)
LAG = Gauge("penstock_notifier_lag_records", "Records in Kafka behind the last that is settled.")
DEPENDENCY_WAITING = Gauge(
    "penstock_notifier_dependency_waiting",
    "1 while the notifier waits for a dependency that is away: kafka or registry.",
    ["dependency"],
)
