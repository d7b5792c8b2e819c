"""Every metric of the worker. Labels are bounded: stages, partitions, and the outcomes that are listed."""

from prometheus_client import Counter, Gauge, Histogram

RECORDS = Counter(
    "penstock_worker_records_total",
    "Records of the source, by outcome: ok, dead_lettered, suppressed (over the limit of dead letters).",
    ["stage", "outcome"],
)
BATCH_RECORDS = Histogram(
    "penstock_worker_batch_records",
    "Records in one transaction.",
    ["stage"],
    buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000),
)
TRANSACTION_SECONDS = Histogram(
    "penstock_worker_transaction_seconds",
    "From the first record sent to the commit, seconds.",
    ["stage"],
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30),
)
STATES_STORED = Counter("penstock_worker_states_stored_total", "States written to the changelog.", ["stage"])
SNAPSHOTS = Counter("penstock_worker_snapshots_total", "States kept for replays.", ["stage"])
RECOVERY_SECONDS = Histogram(
    "penstock_worker_recovery_seconds",
    "From the opening of a partition to its first live record, seconds.",
    ["stage"],
    buckets=(0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60),
)
RECORDS_AGAIN = Counter(
    "penstock_worker_recovered_records_total",
    "Records folded a second time, without their outputs, to find states again.",
    ["stage"],
)
LOST_RECORDS = Counter(
    "penstock_worker_lost_records_total",
    "Records that were deleted from the source before they were folded into a stored state.",
    ["stage"],
)
UNREADABLE_STATES = Counter(
    "penstock_worker_unreadable_states_total",
    "Stored states of another version of the stage, which were dropped.",
    ["stage"],
)
RESTARTS = Counter(
    "penstock_worker_partition_restarts_total",
    "Partitions that were opened again, by reason: fenced, unavailable, unreadable, bug.",
    ["stage", "reason"],
)
STALE_FETCHES = Counter(
    "penstock_worker_stale_fetches_total",
    "Fetches dropped because the partitions had been sought elsewhere meanwhile.",
    ["stage"],
)
STATES = Gauge("penstock_worker_states", "Keys remembered.", ["stage", "partition"])
LAG = Gauge(
    "penstock_worker_lag_records", "Records of the source that are not committed.", ["stage", "partition"]
)
