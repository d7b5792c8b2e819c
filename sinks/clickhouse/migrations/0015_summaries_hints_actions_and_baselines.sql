-- What the pattern stage tells its fleet, the routers and later readers; what people did; how far stages are.

CREATE TABLE IF NOT EXISTS $database.intake_node_summary $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    node_id LowCardinality(String),
    fleet LowCardinality(String),
    boot_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    passed_at DateTime64(6, 'UTC'),
    agent_version LowCardinality(String),
    hardware LowCardinality(String),
    model LowCardinality(String),
    load LowCardinality(String),
    rack LowCardinality(String),
    driver LowCardinality(String),
    stopped Bool,
    silent_s Float64,
    samples Float64,
    live Float64,
    busy Float64,
    thermal_serious Float64,
    thermal_critical Float64,
    tokens_per_second Float64,
    power_w Float64,
    wes Float64,
    wes_raw Float64,
    requests_running Float64,
    requests_waiting Float64,
    utilization_ratio Float64,
    temperature_c Float64,
    memory_used_ratio Float64,
    vram_used_ratio Float64,
    swap_out_bytes_per_s Float64,
    memory_stall Float64,
    stalled Float64,
    generation_tokens Float64,
    clock_skew_s Float64,
    stalled_runtimes Array(String),
    open Array(Tuple(observation_id String, pattern String, severity LowCardinality(String), onset_at DateTime64(6, 'UTC'))),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_summary $on_cluster AS $database.intake_node_summary
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_summaries $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    passed_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    agent_version LowCardinality(String),
    hardware LowCardinality(String),
    model LowCardinality(String),
    load LowCardinality(String),
    rack LowCardinality(String),
    driver LowCardinality(String),
    stopped Bool,
    silent_s Nullable(Float64),
    samples Nullable(Float64),
    live Nullable(Float64),
    busy Nullable(Float64),
    thermal_serious Nullable(Float64),
    thermal_critical Nullable(Float64),
    tokens_per_second Nullable(Float64),
    power_w Nullable(Float64),
    wes Nullable(Float64),
    wes_raw Nullable(Float64),
    requests_running Nullable(Float64),
    requests_waiting Nullable(Float64),
    utilization_ratio Nullable(Float64),
    temperature_c Nullable(Float64),
    memory_used_ratio Nullable(Float64),
    vram_used_ratio Nullable(Float64),
    swap_out_bytes_per_s Nullable(Float64),
    memory_stall Nullable(Float64),
    stalled Nullable(Float64),
    generation_tokens Nullable(Float64),
    clock_skew_s Nullable(Float64),
    stalled_runtimes Array(LowCardinality(String)),
    open Array(Tuple(observation_id String, pattern LowCardinality(String), severity LowCardinality(String), onset_at DateTime64(6, 'UTC'))),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
ORDER BY (fleet, node_id, passed_at)
TTL toDateTime(arrived_at) + INTERVAL $summaries_ttl_days DAY
SETTINGS $settings
COMMENT 'Ten seconds of a node as its fleet sees them; silent nodes too.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_summaries_view $on_cluster TO $database.node_summaries AS
SELECT
    fleet,
    node_id,
    boot_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    passed_at,
    agent_version,
    hardware,
    model,
    load,
    rack,
    driver,
    stopped,
    if(isFinite(silent_s), silent_s, NULL) AS silent_s,
    if(isFinite(samples), samples, NULL) AS samples,
    if(isFinite(live), live, NULL) AS live,
    if(isFinite(busy), busy, NULL) AS busy,
    if(isFinite(thermal_serious), thermal_serious, NULL) AS thermal_serious,
    if(isFinite(thermal_critical), thermal_critical, NULL) AS thermal_critical,
    if(isFinite(tokens_per_second), tokens_per_second, NULL) AS tokens_per_second,
    if(isFinite(power_w), power_w, NULL) AS power_w,
    if(isFinite(wes), wes, NULL) AS wes,
    if(isFinite(wes_raw), wes_raw, NULL) AS wes_raw,
    if(isFinite(requests_running), requests_running, NULL) AS requests_running,
    if(isFinite(requests_waiting), requests_waiting, NULL) AS requests_waiting,
    if(isFinite(utilization_ratio), utilization_ratio, NULL) AS utilization_ratio,
    if(isFinite(temperature_c), temperature_c, NULL) AS temperature_c,
    if(isFinite(memory_used_ratio), memory_used_ratio, NULL) AS memory_used_ratio,
    if(isFinite(vram_used_ratio), vram_used_ratio, NULL) AS vram_used_ratio,
    if(isFinite(swap_out_bytes_per_s), swap_out_bytes_per_s, NULL) AS swap_out_bytes_per_s,
    if(isFinite(memory_stall), memory_stall, NULL) AS memory_stall,
    if(isFinite(stalled), stalled, NULL) AS stalled,
    if(isFinite(generation_tokens), generation_tokens, NULL) AS generation_tokens,
    if(isFinite(clock_skew_s), clock_skew_s, NULL) AS clock_skew_s,
    stalled_runtimes,
    arrayMap(o -> (o.observation_id, o.pattern, o.severity, o.onset_at), open) AS open
FROM $database.intake_node_summary;

CREATE TABLE IF NOT EXISTS $database.intake_node_hint $on_cluster
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
    routing_hint LowCardinality(String),
    source LowCardinality(String),
    observation_id String,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_hint $on_cluster AS $database.intake_node_hint
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_hints $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    routing_hint LowCardinality(String),
    source LowCardinality(String),
    observation_id String,
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, node_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What routers were told to do with a node.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_hints_view $on_cluster TO $database.node_hints AS
SELECT
    fleet,
    node_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    routing_hint,
    source,
    observation_id
FROM $database.intake_node_hint;

CREATE TABLE IF NOT EXISTS $database.intake_operator_action $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    occurred_at DateTime64(6, 'UTC'),
    target LowCardinality(String),
    target_id String,
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    action LowCardinality(String),
    by LowCardinality(String),
    note String,
    expires_at DateTime64(6, 'UTC'),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_operator_action $on_cluster AS $database.intake_operator_action
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.operator_actions $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    target LowCardinality(String),
    target_id String,
    action LowCardinality(String),
    by LowCardinality(String),
    note String,
    expires_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, occurred_at, id)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What people did with observations and alerts.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.operator_actions_view $on_cluster TO $database.operator_actions AS
SELECT
    fleet,
    node_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    target,
    target_id,
    action,
    by,
    note,
    expires_at
FROM $database.intake_operator_action;

CREATE TABLE IF NOT EXISTS $database.intake_wes_baseline $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    id String,
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    model LowCardinality(String),
    load LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    day_panes Float64,
    day_wes Float64,
    week_panes Float64,
    week_wes Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_wes_baseline $on_cluster AS $database.intake_wes_baseline
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.wes_baselines $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    model LowCardinality(String),
    load LowCardinality(String),
    day_panes Nullable(Float64),
    day_wes Nullable(Float64),
    week_panes Nullable(Float64),
    week_wes Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, node_id, model, load, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'Efficiency of a node with a model at a load: the last day beside the week before.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.wes_baselines_view $on_cluster TO $database.wes_baselines AS
SELECT
    fleet,
    node_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    model,
    load,
    if(isFinite(day_panes), day_panes, NULL) AS day_panes,
    if(isFinite(day_wes), day_wes, NULL) AS day_wes,
    if(isFinite(week_panes), week_panes, NULL) AS week_panes,
    if(isFinite(week_wes), week_wes, NULL) AS week_wes
FROM $database.intake_wes_baseline;

CREATE TABLE IF NOT EXISTS $database.intake_watermark $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    occurred_at DateTime64(6, 'UTC'),
    stage LowCardinality(String),
    partition Int64,
    passed_at DateTime64(6, 'UTC'),
    interval_s Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_watermark $on_cluster AS $database.intake_watermark
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.watermarks $on_cluster
(
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    stage LowCardinality(String),
    source_partition Int64,
    passed_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    interval_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
ORDER BY (stage, source_partition, passed_at)
TTL toDateTime(arrived_at) + INTERVAL $summaries_ttl_days DAY
SETTINGS $settings
COMMENT 'How far each stage has folded each partition of its source.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.watermarks_view $on_cluster TO $database.watermarks AS
SELECT
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    stage,
    event.partition AS source_partition,
    passed_at,
    if(isFinite(interval_s), interval_s, NULL) AS interval_s
FROM $database.intake_watermark AS event;
