-- Rules, what they found, what people were told of it, and how that went.

CREATE TABLE IF NOT EXISTS $database.intake_rule_changed $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    occurred_at DateTime64(6, 'UTC'),
    rule_id LowCardinality(String),
    revision Int64,
    deleted Bool,
    by LowCardinality(String),
    rule String,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_rule_changed $on_cluster AS $database.intake_rule_changed
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.rule_changes $on_cluster
(
    rule_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    revision Int64,
    deleted Bool,
    by LowCardinality(String),
    rule String,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY tuple()
ORDER BY (rule_id, revision)
SETTINGS $settings
COMMENT 'Every revision of every rule, once: the same event goes through several topics. The view rules has the newest.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.rule_changes_view $on_cluster TO $database.rule_changes AS
SELECT
    rule_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    revision,
    deleted,
    by,
    rule
FROM $database.intake_rule_changed;

CREATE TABLE IF NOT EXISTS $database.intake_node_tagged $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    node_id LowCardinality(String),
    fleet LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    tags Map(String, String),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_tagged $on_cluster AS $database.intake_node_tagged
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_tags $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    tags Map(String, String),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, node_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'Tags of nodes as rules know them; the same event goes through several topics.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_tags_view $on_cluster TO $database.node_tags AS
SELECT
    fleet,
    node_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    tags
FROM $database.intake_node_tagged;

CREATE TABLE IF NOT EXISTS $database.intake_condition_changed $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    condition_id String,
    revision Int64,
    state LowCardinality(String),
    reason LowCardinality(String),
    rule_id LowCardinality(String),
    rule_revision Int64,
    rule_name LowCardinality(String),
    source LowCardinality(String),
    cause_id String,
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    model LowCardinality(String),
    subject String,
    severity LowCardinality(String),
    value Float64,
    threshold Float64,
    was String,
    now String,
    labels Array(Tuple(name String, value String)),
    text String,
    occurred_at DateTime64(6, 'UTC'),
    onset_at DateTime64(6, 'UTC'),
    arrived_at DateTime64(6, 'UTC'),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_condition_changed $on_cluster AS $database.intake_condition_changed
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.condition_events $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    condition_id String,
    revision Int64,
    state LowCardinality(String),
    reason LowCardinality(String),
    rule_id LowCardinality(String),
    rule_revision Int64,
    rule_name LowCardinality(String),
    source LowCardinality(String),
    cause_id String,
    model LowCardinality(String),
    subject String,
    severity LowCardinality(String),
    value Nullable(Float64),
    threshold Nullable(Float64),
    was String,
    now String,
    labels Array(Tuple(name String, value String)),
    text String,
    onset_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    cause_arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, occurred_at, condition_id, revision)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What a rule asks for has begun or ended for a subject. The view firings has one row for each condition.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.condition_events_view $on_cluster TO $database.condition_events AS
SELECT
    fleet,
    node_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    condition_id,
    revision,
    state,
    reason,
    rule_id,
    rule_revision,
    rule_name,
    source,
    cause_id,
    model,
    subject,
    severity,
    if(isFinite(value), value, NULL) AS value,
    if(isFinite(threshold), threshold, NULL) AS threshold,
    was,
    now,
    labels,
    text,
    onset_at,
    event.arrived_at AS cause_arrived_at
FROM $database.intake_condition_changed AS event;

CREATE TABLE IF NOT EXISTS $database.conditions_latest $on_cluster AS $database.condition_events
ENGINE = ${replicated}ReplacingMergeTree(revision)
PARTITION BY toYYYYMM(onset_at)
ORDER BY (fleet, onset_at, condition_id)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'The newest row of each condition; read it with FINAL, or the view firings.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.conditions_latest_view $on_cluster TO $database.conditions_latest AS
SELECT * FROM $database.condition_events;

CREATE TABLE IF NOT EXISTS $database.intake_notification_due $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    group_id String,
    revision Int64,
    kind LowCardinality(String),
    rule_id LowCardinality(String),
    rule_name LowCardinality(String),
    severity LowCardinality(String),
    fleet LowCardinality(String),
    nodes Array(String),
    channels Array(String),
    title String,
    text String,
    conditions Array(Tuple(condition_id String, node_id LowCardinality(String), model LowCardinality(String), state LowCardinality(String), value Float64, threshold Float64, was String, now String, text String, onset_at DateTime64(6, 'UTC'))),
    occurred_at DateTime64(6, 'UTC'),
    onset_at DateTime64(6, 'UTC'),
    fact_arrived_at DateTime64(6, 'UTC'),
    deferred_s Float64,
    deferred_by LowCardinality(String),
    test Bool,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_notification_due $on_cluster AS $database.intake_notification_due
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.notifications_due $on_cluster
(
    rule_id LowCardinality(String),
    fleet LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    group_id String,
    revision Int64,
    kind LowCardinality(String),
    rule_name LowCardinality(String),
    severity LowCardinality(String),
    nodes Array(LowCardinality(String)),
    channels Array(LowCardinality(String)),
    title String,
    text String,
    conditions Array(Tuple(condition_id String, node_id LowCardinality(String), model LowCardinality(String), state LowCardinality(String), value Nullable(Float64), threshold Nullable(Float64), was String, now String, text String, onset_at DateTime64(6, 'UTC'))),
    onset_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    fact_arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    deferred_s Nullable(Float64),
    deferred_by LowCardinality(String),
    test Bool,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (rule_id, occurred_at, group_id, revision)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What people and programs were to be told. The view notifications says how it went.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.notifications_due_view $on_cluster TO $database.notifications_due AS
SELECT
    rule_id,
    fleet,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    group_id,
    revision,
    kind,
    rule_name,
    severity,
    nodes,
    channels,
    title,
    text,
    arrayMap(c -> (c.condition_id, c.node_id, c.model, c.state, if(isFinite(c.value), c.value, NULL), if(isFinite(c.threshold), c.threshold, NULL), c.was, c.now, c.text, c.onset_at), conditions) AS conditions,
    onset_at,
    fact_arrived_at,
    if(isFinite(deferred_s), deferred_s, NULL) AS deferred_s,
    deferred_by,
    test
FROM $database.intake_notification_due;

CREATE TABLE IF NOT EXISTS $database.intake_delivery_attempted $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    occurred_at DateTime64(6, 'UTC'),
    notification_id String,
    group_id String,
    rule_id LowCardinality(String),
    channel_id LowCardinality(String),
    channel_kind LowCardinality(String),
    attempt Int64,
    outcome LowCardinality(String),
    status Int32,
    error String,
    took_ms Float64,
    next_attempt_at DateTime64(6, 'UTC'),
    since_fact_ms Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_delivery_attempted $on_cluster AS $database.intake_delivery_attempted
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.delivery_attempts $on_cluster
(
    rule_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    notification_id String,
    group_id String,
    channel_id LowCardinality(String),
    channel_kind LowCardinality(String),
    attempt Int64,
    outcome LowCardinality(String),
    status Int32,
    error String,
    took_ms Nullable(Float64),
    next_attempt_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    since_fact_ms Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (rule_id, occurred_at, notification_id, channel_id, attempt)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'Each try to tell a channel of a notification.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.delivery_attempts_view $on_cluster TO $database.delivery_attempts AS
SELECT
    rule_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    notification_id,
    group_id,
    channel_id,
    channel_kind,
    attempt,
    outcome,
    status,
    error,
    if(isFinite(took_ms), took_ms, NULL) AS took_ms,
    next_attempt_at,
    if(isFinite(since_fact_ms), since_fact_ms, NULL) AS since_fact_ms
FROM $database.intake_delivery_attempted;

CREATE OR REPLACE VIEW $database.rules $on_cluster AS
SELECT
    rule_id,
    revision,
    JSONExtractString(rule, 'name') AS name,
    JSONExtractString(rule, 'source') AS source,
    JSONExtractBool(rule, 'enabled') AS enabled,
    JSONExtractString(rule, 'severity') AS severity,
    JSONExtract(rule, 'notify', 'channels', 'Array(String)') AS channels,
    rule,
    by,
    occurred_at AS changed_at
FROM (SELECT * FROM $database.rule_changes ORDER BY revision DESC LIMIT 1 BY rule_id)
WHERE NOT deleted;

CREATE OR REPLACE VIEW $database.firings $on_cluster AS
SELECT
    fleet,
    node_id,
    model,
    subject,
    rule_id,
    rule_name,
    rule_revision,
    condition_id,
    if(state = 'resolved', 'resolved', 'firing') AS state,
    severity,
    value,
    threshold,
    was,
    now,
    onset_at,
    occurred_at AS updated_at,
    if(state = 'resolved', occurred_at, NULL) AS resolved_at,
    if(state = 'resolved', reason, '') AS resolved_because,
    text,
    labels,
    source,
    cause_id,
    revision
FROM $database.conditions_latest FINAL;

CREATE OR REPLACE VIEW $database.notifications $on_cluster AS
SELECT
    due.id AS notification_id,
    due.group_id AS group_id,
    due.revision AS revision,
    due.kind AS kind,
    due.rule_id AS rule_id,
    due.rule_name AS rule_name,
    due.severity AS severity,
    due.fleet AS fleet,
    due.nodes AS nodes,
    due.title AS title,
    due.text AS text,
    due.occurred_at AS occurred_at,
    due.arrived_at AS arrived_at,
    due.deferred_s AS deferred_s,
    due.deferred_by AS deferred_by,
    due.test AS test,
    due.channels AS channels,
    delivered,
    arrayFilter(c -> NOT has(delivered, c) AND NOT has(failed, c), due.channels) AS waiting,
    failed,
    attempts,
    last_error,
    delivered_at,
    since_fact_ms
FROM (SELECT * FROM $database.notifications_due ORDER BY arrived_at LIMIT 1 BY id) AS due
LEFT JOIN
(
    SELECT
        notification_id,
        arraySort(groupUniqArrayIf(channel_id, outcome = 'delivered')) AS delivered,
        arrayFilter(c -> NOT has(delivered, c), arraySort(groupUniqArrayIf(channel_id, outcome IN ('refused', 'gave_up', 'dropped')))) AS failed,
        count() AS attempts,
        argMaxIf(error, occurred_at, error != '') AS last_error,
        maxOrNullIf(occurred_at, outcome = 'delivered') AS delivered_at,
        maxOrNullIf(since_fact_ms, outcome = 'delivered') AS since_fact_ms
    FROM $database.delivery_attempts
    GROUP BY notification_id
) AS tried ON tried.notification_id = toString(due.id);
