"""What the sink tells Prometheus."""

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
_INSERT_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)

RECORDS = Counter(
    "penstock_sink_records_total", "Records taken from Kafka and stored as they are, by topic.", ["topic"]
)
RECORD_BYTES = Counter(
    "penstock_sink_record_bytes_total", "Bytes of the values of those records, by topic.", ["topic"]
)
EVENTS = Counter(
    "penstock_sink_events_total", "Events stored in the tables of their kind, by event.", ["event"]
)
TRANSCODED = Counter(
    "penstock_sink_transcoded_total",
    "Events of another schema version, read by its schema, by event.",
    ["event"],
)
DEAD_LETTERS = Counter(
    "penstock_sink_dead_letters_total", "Records given up, by topic and reason.", ["topic", "reason"]
)
BATCHES = Counter(
    "penstock_sink_batches_total",
    "Batches stored, by topic and outcome: stored, or resumed after a sink died in the middle.",
    ["topic", "outcome"],
)
INSERT_SECONDS = Histogram(
    "penstock_sink_insert_seconds", "Seconds one insertion took, by table.", ["table"], buckets=_INSERT_S
)
BROKER_TO_ROW_SECONDS = Histogram(
    "penstock_sink_broker_to_row_seconds",
    "Seconds from the broker's time of the oldest record of a batch to its rows being there, by topic.",
    ["topic"],
    buckets=_LATENCY_S,
)
LAG = Gauge("penstock_sink_lag_records", "Records in Kafka that are not stored yet, by topic.", ["topic"])
WAITING = Gauge(
    "penstock_sink_waiting",
    "1 while the sink waits for a dependency that is away: clickhouse, kafka or registry.",
    ["dependency"],
)
OUTAGES = Counter(
    "penstock_sink_outages_total",
    "Times the sink began to wait: for clickhouse, kafka or registry.",
    ["dependency"],
)
