-- Every record of every stored topic as it was sent, unreadable ones included.

CREATE TABLE IF NOT EXISTS $database.event_log $on_cluster
(
    topic LowCardinality(String) COMMENT 'Kafka topic',
    partition Int32 COMMENT 'Kafka partition',
    offset Int64 COMMENT 'Kafka offset' CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') COMMENT 'when the broker took the record, UTC' CODEC(Delta(8), ZSTD(1)),
    key Nullable(String) COMMENT 'key of the record as it was sent',
    value Nullable(String) COMMENT 'value of the record as it was sent; NULL deletes its key',
    INDEX by_arrived_at arrived_at TYPE minmax GRANULARITY 1
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
ORDER BY (topic, partition, offset)
TTL toDateTime(arrived_at) + INTERVAL $event_log_ttl_days DAY
SETTINGS $settings
COMMENT 'Every record as it was sent. Within a partition offset and arrived_at rise together.';
