-- What nodes are, and their orderly stops.

CREATE TABLE IF NOT EXISTS $database.intake_node_registered $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    node_id LowCardinality(String),
    fleet LowCardinality(String),
    boot_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    started_at DateTime64(6, 'UTC'),
    agent_version String,
    hostname String,
    machine_id String,
    os String,
    os_version String,
    arch String,
    container String,
    cpu_model String,
    tags Map(String, String),
    cpu_count Float64,
    cpu_physical_count Float64,
    cpu_capacity_cores Float64,
    memory_total_bytes Float64,
    swap_total_bytes Float64,
    interval_s Float64,
    gpus Array(Tuple(gpu_id String, uuid String, nvml_index Int32, vendor String, name String, bus_id String, mig_parent String, driver_version String, vbios_version String, compute_mode String, unified_memory Bool, memory_total_bytes Float64, power_limit_default_w Float64, power_limit_min_w Float64, power_limit_max_w Float64, temperature_slowdown_c Float64, temperature_shutdown_c Float64, memory_temperature_max_c Float64, sm_clock_max_mhz Float64, memory_clock_max_mhz Float64, pcie_generation_max Float64, pcie_width_max Float64, ecc_enabled Float64)),
    runtimes Array(Tuple(runtime_id String, kind String, url String, version String, discovered_by String, container String, command_line String, pid Int64, slots Float64, models Array(Tuple(name String, digest String, architecture String, quantization String, loaded Bool, size_bytes Float64, parameters Float64, context_length Float64, layers Float64, heads Float64, kv_heads Float64, embedding_length Float64)))),
    collectors Array(Tuple(name String, status String, reason String, remedy String)),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_registered $on_cluster AS $database.intake_node_registered
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_registrations $on_cluster
(
    fleet LowCardinality(String),
    node_id LowCardinality(String),
    boot_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    started_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    agent_version LowCardinality(String),
    hostname LowCardinality(String),
    machine_id String,
    os LowCardinality(String),
    os_version LowCardinality(String),
    arch LowCardinality(String),
    container LowCardinality(String),
    cpu_model LowCardinality(String),
    tags Map(String, String),
    cpu_count Nullable(Float64),
    cpu_physical_count Nullable(Float64),
    cpu_capacity_cores Nullable(Float64),
    memory_total_bytes Nullable(Float64),
    swap_total_bytes Nullable(Float64),
    interval_s Nullable(Float64),
    gpus Array(Tuple(gpu_id LowCardinality(String), uuid String, nvml_index Int32, vendor String, name LowCardinality(String), bus_id String, mig_parent String, driver_version String, vbios_version String, compute_mode String, unified_memory Bool, memory_total_bytes Nullable(Float64), power_limit_default_w Nullable(Float64), power_limit_min_w Nullable(Float64), power_limit_max_w Nullable(Float64), temperature_slowdown_c Nullable(Float64), temperature_shutdown_c Nullable(Float64), memory_temperature_max_c Nullable(Float64), sm_clock_max_mhz Nullable(Float64), memory_clock_max_mhz Nullable(Float64), pcie_generation_max Nullable(Float64), pcie_width_max Nullable(Float64), ecc_enabled Nullable(Float64))),
    runtimes Array(Tuple(runtime_id LowCardinality(String), kind LowCardinality(String), url String, version String, discovered_by String, container LowCardinality(String), command_line String, pid Int64, slots Nullable(Float64), models Array(Tuple(name LowCardinality(String), digest String, architecture String, quantization String, loaded Bool, size_bytes Nullable(Float64), parameters Nullable(Float64), context_length Nullable(Float64), layers Nullable(Float64), heads Nullable(Float64), kv_heads Nullable(Float64), embedding_length Nullable(Float64))))),
    collectors Array(Tuple(name LowCardinality(String), status LowCardinality(String), reason LowCardinality(String), remedy String)),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, node_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'What each node was, whenever it said so; view nodes has the newest.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_registrations_view $on_cluster TO $database.node_registrations AS
SELECT
    fleet,
    node_id,
    boot_id,
    occurred_at,
    started_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    agent_version,
    hostname,
    machine_id,
    os,
    os_version,
    arch,
    container,
    cpu_model,
    tags,
    if(isFinite(cpu_count), cpu_count, NULL) AS cpu_count,
    if(isFinite(cpu_physical_count), cpu_physical_count, NULL) AS cpu_physical_count,
    if(isFinite(cpu_capacity_cores), cpu_capacity_cores, NULL) AS cpu_capacity_cores,
    if(isFinite(memory_total_bytes), memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(swap_total_bytes), swap_total_bytes, NULL) AS swap_total_bytes,
    if(isFinite(interval_s), interval_s, NULL) AS interval_s,
    arrayMap(g -> (g.gpu_id, g.uuid, g.nvml_index, g.vendor, g.name, g.bus_id, g.mig_parent, g.driver_version, g.vbios_version, g.compute_mode, g.unified_memory, if(isFinite(g.memory_total_bytes), g.memory_total_bytes, NULL), if(isFinite(g.power_limit_default_w), g.power_limit_default_w, NULL), if(isFinite(g.power_limit_min_w), g.power_limit_min_w, NULL), if(isFinite(g.power_limit_max_w), g.power_limit_max_w, NULL), if(isFinite(g.temperature_slowdown_c), g.temperature_slowdown_c, NULL), if(isFinite(g.temperature_shutdown_c), g.temperature_shutdown_c, NULL), if(isFinite(g.memory_temperature_max_c), g.memory_temperature_max_c, NULL), if(isFinite(g.sm_clock_max_mhz), g.sm_clock_max_mhz, NULL), if(isFinite(g.memory_clock_max_mhz), g.memory_clock_max_mhz, NULL), if(isFinite(g.pcie_generation_max), g.pcie_generation_max, NULL), if(isFinite(g.pcie_width_max), g.pcie_width_max, NULL), if(isFinite(g.ecc_enabled), g.ecc_enabled, NULL)), gpus) AS gpus,
    arrayMap(r -> (r.runtime_id, r.kind, r.url, r.version, r.discovered_by, r.container, r.command_line, r.pid, if(isFinite(r.slots), r.slots, NULL), arrayMap(m -> (m.name, m.digest, m.architecture, m.quantization, m.loaded, if(isFinite(m.size_bytes), m.size_bytes, NULL), if(isFinite(m.parameters), m.parameters, NULL), if(isFinite(m.context_length), m.context_length, NULL), if(isFinite(m.layers), m.layers, NULL), if(isFinite(m.heads), m.heads, NULL), if(isFinite(m.kv_heads), m.kv_heads, NULL), if(isFinite(m.embedding_length), m.embedding_length, NULL)), r.models)), runtimes) AS runtimes,
    arrayMap(c -> (c.name, c.status, c.reason, c.remedy), collectors) AS collectors
FROM $database.intake_node_registered;

CREATE TABLE IF NOT EXISTS $database.intake_node_stopped $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    node_id LowCardinality(String),
    fleet LowCardinality(String),
    boot_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    seq Int64,
    reason LowCardinality(String),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_stopped $on_cluster AS $database.intake_node_stopped
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_stops $on_cluster
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
    reason LowCardinality(String),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
ORDER BY (fleet, node_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'Orderly stops of node agents.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_stops_view $on_cluster TO $database.node_stops AS
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
    reason
FROM $database.intake_node_stopped;
