-- What the node stage concluded of each sample.

CREATE TABLE IF NOT EXISTS $database.intake_node_state $on_cluster
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
    seq Int64,
    arrived_at DateTime64(6, 'UTC'),
    inference_state LowCardinality(String),
    inference_reason String,
    inference_since DateTime64(6, 'UTC'),
    thermal_state LowCardinality(String),
    thermal_reason String,
    thermal_since DateTime64(6, 'UTC'),
    cpu_thermal_state LowCardinality(String),
    thermal_penalty Float64,
    tokens_per_second Float64,
    power_w Float64,
    wes Float64,
    wes_raw Float64,
    pue Float64,
    probe_tokens_per_second Float64,
    idle_power_w Float64,
    cpu_ratio Float64,
    memory_available_bytes Float64,
    memory_total_bytes Float64,
    clock_skew_s Float64,
    spool_records Float64,
    samples_total Float64,
    duplicates_total Float64,
    missing_total Float64,
    late_total Float64,
    conflicts_total Float64,
    gpus Array(Tuple(gpu_id String, status LowCardinality(String), thermal_state LowCardinality(String), utilization_ratio Float64, memory_used_bytes Float64, memory_total_bytes Float64, temperature_c Float64, power_w Float64, idle_power_w Float64, thermal_penalty Float64, throttle_reasons Int64)),
    runtimes Array(Tuple(runtime_id String, kind String, status LowCardinality(String), requests_running Float64, requests_waiting Float64, slots Float64, kv_cache_ratio Float64, tokens_per_second Float64, ttft_s Float64, probe_tokens_per_second Float64, age_s Float64)),
    models Array(Tuple(name String, runtime_id String, tokens_per_second Float64, power_share Float64, wes Float64, vram_bytes Float64, context_length Float64)),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_state $on_cluster AS $database.intake_node_state
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_states $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    seq Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    id UUID,
    sample_arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    inference_state LowCardinality(String),
    inference_reason LowCardinality(String),
    inference_since DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    thermal_state LowCardinality(String),
    thermal_reason LowCardinality(String),
    thermal_since DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    cpu_thermal_state LowCardinality(String),
    thermal_penalty Nullable(Float64),
    tokens_per_second Nullable(Float64),
    power_w Nullable(Float64),
    wes Nullable(Float64),
    wes_raw Nullable(Float64),
    pue Nullable(Float64),
    probe_tokens_per_second Nullable(Float64),
    idle_power_w Nullable(Float64),
    cpu_ratio Nullable(Float64),
    memory_available_bytes Nullable(Float64),
    memory_total_bytes Nullable(Float64),
    clock_skew_s Nullable(Float64),
    spool_records Nullable(Float64),
    samples_total Nullable(Float64),
    duplicates_total Nullable(Float64),
    missing_total Nullable(Float64),
    late_total Nullable(Float64),
    conflicts_total Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
ORDER BY (fleet, node_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a sample: what the node stage concluded.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_states_view $on_cluster TO $database.node_states AS
SELECT
    fleet,
    node_id,
    boot_id,
    seq,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    toUUIDOrZero(id) AS id,
    event.arrived_at AS sample_arrived_at,
    inference_state,
    inference_reason,
    inference_since,
    thermal_state,
    thermal_reason,
    thermal_since,
    cpu_thermal_state,
    if(isFinite(thermal_penalty), thermal_penalty, NULL) AS thermal_penalty,
    if(isFinite(tokens_per_second), tokens_per_second, NULL) AS tokens_per_second,
    if(isFinite(power_w), power_w, NULL) AS power_w,
    if(isFinite(wes), wes, NULL) AS wes,
    if(isFinite(wes_raw), wes_raw, NULL) AS wes_raw,
    if(isFinite(pue), pue, NULL) AS pue,
    if(isFinite(probe_tokens_per_second), probe_tokens_per_second, NULL) AS probe_tokens_per_second,
    if(isFinite(idle_power_w), idle_power_w, NULL) AS idle_power_w,
    if(isFinite(cpu_ratio), cpu_ratio, NULL) AS cpu_ratio,
    if(isFinite(memory_available_bytes), memory_available_bytes, NULL) AS memory_available_bytes,
    if(isFinite(memory_total_bytes), memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(clock_skew_s), clock_skew_s, NULL) AS clock_skew_s,
    if(isFinite(spool_records), spool_records, NULL) AS spool_records,
    if(isFinite(samples_total), samples_total, NULL) AS samples_total,
    if(isFinite(duplicates_total), duplicates_total, NULL) AS duplicates_total,
    if(isFinite(missing_total), missing_total, NULL) AS missing_total,
    if(isFinite(late_total), late_total, NULL) AS late_total,
    if(isFinite(conflicts_total), conflicts_total, NULL) AS conflicts_total
FROM $database.intake_node_state AS event;

CREATE TABLE IF NOT EXISTS $database.gpu_states $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    seq Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    gpu_id LowCardinality(String),
    status LowCardinality(String),
    thermal_state LowCardinality(String),
    utilization_ratio Nullable(Float64),
    memory_used_bytes Nullable(Float64),
    memory_total_bytes Nullable(Float64),
    temperature_c Nullable(Float64),
    power_w Nullable(Float64),
    idle_power_w Nullable(Float64),
    thermal_penalty Nullable(Float64),
    throttle_reasons Nullable(Int64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, gpu_id)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a node state and accelerator.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.gpu_states_view $on_cluster TO $database.gpu_states AS
SELECT
    fleet,
    node_id,
    boot_id,
    seq,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.gpu_id AS gpu_id,
    item.status AS status,
    item.thermal_state AS thermal_state,
    if(isFinite(item.utilization_ratio), item.utilization_ratio, NULL) AS utilization_ratio,
    if(isFinite(item.memory_used_bytes), item.memory_used_bytes, NULL) AS memory_used_bytes,
    if(isFinite(item.memory_total_bytes), item.memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(item.temperature_c), item.temperature_c, NULL) AS temperature_c,
    if(isFinite(item.power_w), item.power_w, NULL) AS power_w,
    if(isFinite(item.idle_power_w), item.idle_power_w, NULL) AS idle_power_w,
    if(isFinite(item.thermal_penalty), item.thermal_penalty, NULL) AS thermal_penalty,
    nullIf(item.throttle_reasons, -1) AS throttle_reasons
FROM $database.intake_node_state
ARRAY JOIN gpus AS item;

CREATE TABLE IF NOT EXISTS $database.runtime_states $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    seq Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    runtime_id LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    kind LowCardinality(String),
    status LowCardinality(String),
    requests_running Nullable(Float64),
    requests_waiting Nullable(Float64),
    slots Nullable(Float64),
    kv_cache_ratio Nullable(Float64),
    tokens_per_second Nullable(Float64),
    ttft_s Nullable(Float64),
    probe_tokens_per_second Nullable(Float64),
    age_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, runtime_id)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a node state and runtime.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.runtime_states_view $on_cluster TO $database.runtime_states AS
SELECT
    fleet,
    node_id,
    boot_id,
    seq,
    occurred_at,
    item.runtime_id AS runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.kind AS kind,
    item.status AS status,
    if(isFinite(item.requests_running), item.requests_running, NULL) AS requests_running,
    if(isFinite(item.requests_waiting), item.requests_waiting, NULL) AS requests_waiting,
    if(isFinite(item.slots), item.slots, NULL) AS slots,
    if(isFinite(item.kv_cache_ratio), item.kv_cache_ratio, NULL) AS kv_cache_ratio,
    if(isFinite(item.tokens_per_second), item.tokens_per_second, NULL) AS tokens_per_second,
    if(isFinite(item.ttft_s), item.ttft_s, NULL) AS ttft_s,
    if(isFinite(item.probe_tokens_per_second), item.probe_tokens_per_second, NULL) AS probe_tokens_per_second,
    if(isFinite(item.age_s), item.age_s, NULL) AS age_s
FROM $database.intake_node_state
ARRAY JOIN runtimes AS item;

CREATE TABLE IF NOT EXISTS $database.model_states $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    seq Int64 CODEC(Delta(8), ZSTD(1)),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    runtime_id LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    name LowCardinality(String),
    tokens_per_second Nullable(Float64),
    power_share Nullable(Float64),
    wes Nullable(Float64),
    vram_bytes Nullable(Float64),
    context_length Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, runtime_id, name)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a node state and model.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.model_states_view $on_cluster TO $database.model_states AS
SELECT
    fleet,
    node_id,
    boot_id,
    seq,
    occurred_at,
    item.runtime_id AS runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.name AS name,
    if(isFinite(item.tokens_per_second), item.tokens_per_second, NULL) AS tokens_per_second,
    if(isFinite(item.power_share), item.power_share, NULL) AS power_share,
    if(isFinite(item.wes), item.wes, NULL) AS wes,
    if(isFinite(item.vram_bytes), item.vram_bytes, NULL) AS vram_bytes,
    if(isFinite(item.context_length), item.context_length, NULL) AS context_length
FROM $database.intake_node_state
ARRAY JOIN models AS item;
