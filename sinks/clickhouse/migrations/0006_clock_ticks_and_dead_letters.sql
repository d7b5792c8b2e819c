-- Time that passed, and records that nobody can use.

CREATE TABLE IF NOT EXISTS $database.intake_clock_tick $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    occurred_at DateTime64(6, 'UTC'),
    clock_id LowCardinality(String),
    seq Int64,
    interval_s Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_clock_tick $on_cluster AS $database.intake_clock_tick
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.clock_ticks $on_cluster
(
    seq Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    clock_id LowCardinality(String),
    interval_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
ORDER BY (topic, partition, offset)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'Ticks of the clock.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.clock_ticks_view $on_cluster TO $database.clock_ticks AS
SELECT
    seq,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    clock_id,
    if(isFinite(interval_s), interval_s, NULL) AS interval_s
FROM $database.intake_clock_tick;

CREATE TABLE IF NOT EXISTS $database.intake_dead_letter $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    occurred_at DateTime64(6, 'UTC'),
    reader LowCardinality(String),
    topic String,
    partition Int32,
    offset Int64,
    key String,
    value String,
    size_bytes Int64,
    reason LowCardinality(String),
    detail String,
    suppressed Int64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_dead_letter $on_cluster AS $database.intake_dead_letter
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.dead_letters $on_cluster
(
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    reader LowCardinality(String),
    source_topic LowCardinality(String),
    source_partition Int32,
    source_offset Int64 CODEC(Delta(8), ZSTD(1)),
    source_key String,
    source_value String,
    size_bytes Int64,
    reason LowCardinality(String),
    detail String,
    suppressed Int64,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (source_topic, source_partition, source_offset)
ORDER BY (source_topic, source_partition, source_offset, id)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'Records that no reader can use; the bytes are in event_log too.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.dead_letters_view $on_cluster TO $database.dead_letters AS
SELECT
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    reader,
    event.topic AS source_topic,
    event.partition AS source_partition,
    event.offset AS source_offset,
    event.key AS source_key,
    event.value AS source_value,
    size_bytes,
    reason,
    detail,
    suppressed
FROM $database.intake_dead_letter AS event
-- A sink that died may have written a letter twice; its id is the same.
WHERE toUUIDOrZero(event.id) NOT IN (SELECT id FROM $database.dead_letters WHERE arrived_at > now() - INTERVAL 2 DAY)
LIMIT 1 BY id;
