-- What is wrong in fleets: each word about it, and the newest of each alert.

CREATE TABLE IF NOT EXISTS $database.intake_alert_opened $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    alert_id String,
    fleet LowCardinality(String),
    alert LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    onset_at DateTime64(6, 'UTC'),
    revision Int64,
    severity LowCardinality(String),
    peak_severity LowCardinality(String),
    confidence Float64,
    action LowCardinality(String),
    text String,
    recommendation String,
    members Array(String),
    observations Array(String),
    evidence Array(Tuple(name String, subject String, unit String, comparison String, value Float64, threshold Float64)),
    acknowledged_by LowCardinality(String),
    acknowledged_until DateTime64(6, 'UTC'),
    dismissed_until DateTime64(6, 'UTC'),
    duration_s Float64,
    reason LowCardinality(String),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_alert_opened $on_cluster AS $database.intake_alert_opened
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.intake_alert_updated $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    alert_id String,
    fleet LowCardinality(String),
    alert LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    onset_at DateTime64(6, 'UTC'),
    revision Int64,
    severity LowCardinality(String),
    peak_severity LowCardinality(String),
    confidence Float64,
    action LowCardinality(String),
    text String,
    recommendation String,
    members Array(String),
    observations Array(String),
    evidence Array(Tuple(name String, subject String, unit String, comparison String, value Float64, threshold Float64)),
    acknowledged_by LowCardinality(String),
    acknowledged_until DateTime64(6, 'UTC'),
    dismissed_until DateTime64(6, 'UTC'),
    duration_s Float64,
    reason LowCardinality(String),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_alert_updated $on_cluster AS $database.intake_alert_updated
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.intake_alert_resolved $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    alert_id String,
    fleet LowCardinality(String),
    alert LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    onset_at DateTime64(6, 'UTC'),
    revision Int64,
    severity LowCardinality(String),
    peak_severity LowCardinality(String),
    confidence Float64,
    action LowCardinality(String),
    text String,
    recommendation String,
    members Array(String),
    observations Array(String),
    evidence Array(Tuple(name String, subject String, unit String, comparison String, value Float64, threshold Float64)),
    acknowledged_by LowCardinality(String),
    acknowledged_until DateTime64(6, 'UTC'),
    dismissed_until DateTime64(6, 'UTC'),
    duration_s Float64,
    reason LowCardinality(String),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_alert_resolved $on_cluster AS $database.intake_alert_resolved
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.alert_events $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    kind LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    alert_id String,
    alert LowCardinality(String),
    onset_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    revision Int64,
    severity LowCardinality(String),
    peak_severity LowCardinality(String),
    confidence Nullable(Float64),
    action LowCardinality(String),
    text String,
    recommendation String,
    members Array(LowCardinality(String)),
    observations Array(String),
    evidence Array(Tuple(name LowCardinality(String), subject LowCardinality(String), unit LowCardinality(String), comparison LowCardinality(String), value Nullable(Float64), threshold Nullable(Float64))),
    acknowledged_by LowCardinality(String),
    acknowledged_until DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    dismissed_until DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    duration_s Nullable(Float64),
    reason LowCardinality(String),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, occurred_at, alert_id, revision)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What was said of an alert: opened, updated, resolved. The view alerts has one row for each.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.alert_opened_view $on_cluster TO $database.alert_events AS
SELECT
    fleet,
    node_id,
    occurred_at,
    'opened' AS kind,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    alert_id,
    alert,
    onset_at,
    revision,
    severity,
    peak_severity,
    if(isFinite(confidence), confidence, NULL) AS confidence,
    action,
    text,
    recommendation,
    members,
    observations,
    arrayMap(e -> (e.name, e.subject, e.unit, e.comparison, if(isFinite(e.value), e.value, NULL), if(isFinite(e.threshold), e.threshold, NULL)), evidence) AS evidence,
    acknowledged_by,
    acknowledged_until,
    dismissed_until,
    if(isFinite(duration_s), duration_s, NULL) AS duration_s,
    reason
FROM $database.intake_alert_opened;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.alert_updated_view $on_cluster TO $database.alert_events AS
SELECT
    fleet,
    node_id,
    occurred_at,
    'updated' AS kind,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    alert_id,
    alert,
    onset_at,
    revision,
    severity,
    peak_severity,
    if(isFinite(confidence), confidence, NULL) AS confidence,
    action,
    text,
    recommendation,
    members,
    observations,
    arrayMap(e -> (e.name, e.subject, e.unit, e.comparison, if(isFinite(e.value), e.value, NULL), if(isFinite(e.threshold), e.threshold, NULL)), evidence) AS evidence,
    acknowledged_by,
    acknowledged_until,
    dismissed_until,
    if(isFinite(duration_s), duration_s, NULL) AS duration_s,
    reason
FROM $database.intake_alert_updated;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.alert_resolved_view $on_cluster TO $database.alert_events AS
SELECT
    fleet,
    node_id,
    occurred_at,
    'resolved' AS kind,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    alert_id,
    alert,
    onset_at,
    revision,
    severity,
    peak_severity,
    if(isFinite(confidence), confidence, NULL) AS confidence,
    action,
    text,
    recommendation,
    members,
    observations,
    arrayMap(e -> (e.name, e.subject, e.unit, e.comparison, if(isFinite(e.value), e.value, NULL), if(isFinite(e.threshold), e.threshold, NULL)), evidence) AS evidence,
    acknowledged_by,
    acknowledged_until,
    dismissed_until,
    if(isFinite(duration_s), duration_s, NULL) AS duration_s,
    reason
FROM $database.intake_alert_resolved;

CREATE TABLE IF NOT EXISTS $database.alerts_latest $on_cluster AS $database.alert_events
ENGINE = ${replicated}ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(onset_at)
ORDER BY (fleet, onset_at, alert_id)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'The newest row of each alert; read it with FINAL, or the view alerts.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.alerts_latest_view $on_cluster TO $database.alerts_latest AS
SELECT * FROM $database.alert_events;

CREATE OR REPLACE VIEW $database.alerts $on_cluster AS
SELECT
    fleet,
    node_id,
    alert_id,
    alert,
    multiIf(kind = 'resolved', 'resolved', latest.dismissed_until > now64(6, 'UTC'), 'dismissed', acknowledged_by != '' AND (latest.acknowledged_until = fromUnixTimestamp64Micro(0, 'UTC') OR latest.acknowledged_until > now64(6, 'UTC')), 'acknowledged', 'open') AS state,
    severity,
    peak_severity,
    confidence,
    onset_at,
    occurred_at AS updated_at,
    if(kind = 'resolved', occurred_at, NULL) AS resolved_at,
    if(kind = 'resolved', reason, '') AS resolved_because,
    if(kind = 'resolved', latest.duration_s, dateDiff('microsecond', latest.onset_at, now64(6, 'UTC')) / 1e6) AS duration_s,
    text,
    recommendation,
    action,
    members,
    observations,
    evidence,
    acknowledged_by,
    nullIf(latest.acknowledged_until, fromUnixTimestamp64Micro(0, 'UTC')) AS acknowledged_until,
    nullIf(latest.dismissed_until, fromUnixTimestamp64Micro(0, 'UTC')) AS dismissed_until,
    revision
FROM $database.alerts_latest AS latest FINAL;
