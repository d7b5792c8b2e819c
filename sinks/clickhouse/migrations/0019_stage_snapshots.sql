-- Where replays can begin: the states of stages, about once an hour. The bytes are in event_log.

CREATE TABLE IF NOT EXISTS $database.intake_stage_snapshot $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    stage LowCardinality(String),
    source_topic LowCardinality(String),
    source_topic_id LowCardinality(String),
    source_partition Int32,
    key String,
    stands_at Int64,
    occurred_at DateTime64(6, 'UTC'),
    reads_from Int64,
    over Bool,
    part Int32,
    parts Int32,
    codec LowCardinality(String),
    state_bytes Int64,
    state String,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_stage_snapshot $on_cluster AS $database.intake_stage_snapshot
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.stage_snapshots $on_cluster
(
    stage LowCardinality(String),
    source_partition Int32,
    key String,
    stands_at Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    source_topic LowCardinality(String),
    source_topic_id LowCardinality(String),
    reads_from Int64,
    over Bool,
    part Int32,
    parts Int32,
    codec LowCardinality(String),
    state_bytes Int64,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (stage, source_partition, key, stands_at, part)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'States of stages that replays can begin from, about one an hour for each key.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.stage_snapshots_view $on_cluster TO $database.stage_snapshots AS
SELECT
    stage,
    source_partition,
    key,
    stands_at,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    source_topic,
    source_topic_id,
    reads_from,
    over,
    part,
    parts,
    codec,
    state_bytes
FROM $database.intake_stage_snapshot;
