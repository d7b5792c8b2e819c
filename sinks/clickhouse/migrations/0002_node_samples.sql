-- What nodes measured: one table for the machine and one for each kind of thing on it.

CREATE TABLE IF NOT EXISTS $database.intake_node_sample $on_cluster
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
    spooled Bool,
    agent Tuple(monotonic_s Float64, cpu_ratio Float64, rss_bytes Float64, lateness_s Float64, missed_total Float64, spool_records Float64, spool_bytes Float64, spool_dropped_total Float64),
    host Tuple(cpu_ratio Float64, load_1m Float64, memory_total_bytes Float64, memory_used_bytes Float64, memory_available_bytes Float64, swap_used_bytes Float64, swap_in_bytes_per_s Float64, swap_out_bytes_per_s Float64, cpu_pressure_ratio Float64, memory_pressure_ratio Float64, memory_stall_ratio Float64, io_pressure_ratio Float64, disk_free_bytes Float64, disk_read_bytes_per_s Float64, disk_write_bytes_per_s Float64, network_receive_bytes_per_s Float64, network_transmit_bytes_per_s Float64, cpu_temperature_c Float64, cpu_clock_ratio Float64, cpu_power_w Float64, soc_power_w Float64, clock_offset_s Float64, age_s Float64, clock_synchronized LowCardinality(String), thermal_pressure String, cpu_core_ratios Array(Float64)),
    gpus Array(Tuple(gpu_id String, status LowCardinality(String), utilization_ratio Float64, memory_utilization_ratio Float64, memory_used_bytes Float64, memory_total_bytes Float64, temperature_c Float64, memory_temperature_c Float64, temperature_slowdown_c Float64, power_w Float64, power_limit_w Float64, energy_j Float64, sm_clock_mhz Float64, sm_clock_max_mhz Float64, fan_ratio Float64, performance_state Float64, age_s Float64, throttle_reasons Int64)),
    runtimes Array(Tuple(runtime_id String, kind String, status LowCardinality(String), requests_running Float64, requests_waiting Float64, slots Float64, kv_cache_ratio Float64, interval_s Float64, prompt_tokens Float64, generation_tokens Float64, cached_prompt_tokens Float64, requests_finished Float64, requests_failed Float64, preemptions Float64, ttft_sum_s Float64, ttft_count Float64, e2e_sum_s Float64, e2e_count Float64, queue_sum_s Float64, queue_count Float64, last_activity_age_s Float64, probe_tokens_per_second Float64, probe_age_s Float64, probes_running Float64, age_s Float64, models Array(Tuple(name String, size_bytes Float64, vram_bytes Float64, context_length Float64, requests_running Float64, prompt_tokens Float64, generation_tokens Float64, expires_in_s Float64)))),
    gpu_health Array(Tuple(gpu_id String, graphics_clock_mhz Float64, memory_clock_mhz Float64, pcie_generation Float64, pcie_generation_max Float64, pcie_width Float64, pcie_width_max Float64, pcie_receive_bytes_per_s Float64, pcie_transmit_bytes_per_s Float64, pcie_replays_total Float64, ecc_corrected_volatile_total Float64, ecc_uncorrected_volatile_total Float64, ecc_corrected_aggregate_total Float64, ecc_uncorrected_aggregate_total Float64, remapped_rows_correctable_total Float64, remapped_rows_uncorrectable_total Float64, remapped_rows_pending Float64, retired_pages_total Float64, nvlink_links_active Float64, nvlink_errors_total Float64, power_limit_default_w Float64, power_limit_max_w Float64, temperature_shutdown_c Float64, memory_temperature_max_c Float64, age_s Float64, xids Array(Int64), processes Array(Tuple(pid Int64, memory_used_bytes Float64, runtime_id String)))),
    temperatures Array(Tuple(name String, temperature_c Float64)),
    collectors Array(Tuple(name String, status String, reason String, age_s Float64, duration_s Float64, successes Float64, failures Float64, timeouts Float64)),
    suspects Array(Tuple(reading String, value Float64, why String)),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_node_sample $on_cluster AS $database.intake_node_sample
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.node_samples $on_cluster
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
    spooled Bool,
    agent_monotonic_s Nullable(Float64),
    agent_cpu_ratio Nullable(Float64),
    agent_rss_bytes Nullable(Float64),
    agent_lateness_s Nullable(Float64),
    agent_missed_total Nullable(Float64),
    agent_spool_records Nullable(Float64),
    agent_spool_bytes Nullable(Float64),
    agent_spool_dropped_total Nullable(Float64),
    cpu_ratio Nullable(Float64),
    load_1m Nullable(Float64),
    memory_total_bytes Nullable(Float64),
    memory_used_bytes Nullable(Float64),
    memory_available_bytes Nullable(Float64),
    swap_used_bytes Nullable(Float64),
    swap_in_bytes_per_s Nullable(Float64),
    swap_out_bytes_per_s Nullable(Float64),
    cpu_pressure_ratio Nullable(Float64),
    memory_pressure_ratio Nullable(Float64),
    memory_stall_ratio Nullable(Float64),
    io_pressure_ratio Nullable(Float64),
    disk_free_bytes Nullable(Float64),
    disk_read_bytes_per_s Nullable(Float64),
    disk_write_bytes_per_s Nullable(Float64),
    network_receive_bytes_per_s Nullable(Float64),
    network_transmit_bytes_per_s Nullable(Float64),
    cpu_temperature_c Nullable(Float64),
    cpu_clock_ratio Nullable(Float64),
    cpu_power_w Nullable(Float64),
    soc_power_w Nullable(Float64),
    clock_offset_s Nullable(Float64),
    host_age_s Nullable(Float64),
    clock_synchronized LowCardinality(String),
    thermal_pressure LowCardinality(String),
    cpu_core_ratios Array(Nullable(Float64)),
    temperatures Array(Tuple(name LowCardinality(String), temperature_c Nullable(Float64))),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a sample: the machine, and the agent on itself. NULL is no reading.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_samples_view $on_cluster TO $database.node_samples AS
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
    spooled,
    if(isFinite(agent.monotonic_s), agent.monotonic_s, NULL) AS agent_monotonic_s,
    if(isFinite(agent.cpu_ratio), agent.cpu_ratio, NULL) AS agent_cpu_ratio,
    if(isFinite(agent.rss_bytes), agent.rss_bytes, NULL) AS agent_rss_bytes,
    if(isFinite(agent.lateness_s), agent.lateness_s, NULL) AS agent_lateness_s,
    if(isFinite(agent.missed_total), agent.missed_total, NULL) AS agent_missed_total,
    if(isFinite(agent.spool_records), agent.spool_records, NULL) AS agent_spool_records,
    if(isFinite(agent.spool_bytes), agent.spool_bytes, NULL) AS agent_spool_bytes,
    if(isFinite(agent.spool_dropped_total), agent.spool_dropped_total, NULL) AS agent_spool_dropped_total,
    if(isFinite(host.cpu_ratio), host.cpu_ratio, NULL) AS cpu_ratio,
    if(isFinite(host.load_1m), host.load_1m, NULL) AS load_1m,
    if(isFinite(host.memory_total_bytes), host.memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(host.memory_used_bytes), host.memory_used_bytes, NULL) AS memory_used_bytes,
    if(isFinite(host.memory_available_bytes), host.memory_available_bytes, NULL) AS memory_available_bytes,
    if(isFinite(host.swap_used_bytes), host.swap_used_bytes, NULL) AS swap_used_bytes,
    if(isFinite(host.swap_in_bytes_per_s), host.swap_in_bytes_per_s, NULL) AS swap_in_bytes_per_s,
    if(isFinite(host.swap_out_bytes_per_s), host.swap_out_bytes_per_s, NULL) AS swap_out_bytes_per_s,
    if(isFinite(host.cpu_pressure_ratio), host.cpu_pressure_ratio, NULL) AS cpu_pressure_ratio,
    if(isFinite(host.memory_pressure_ratio), host.memory_pressure_ratio, NULL) AS memory_pressure_ratio,
    if(isFinite(host.memory_stall_ratio), host.memory_stall_ratio, NULL) AS memory_stall_ratio,
    if(isFinite(host.io_pressure_ratio), host.io_pressure_ratio, NULL) AS io_pressure_ratio,
    if(isFinite(host.disk_free_bytes), host.disk_free_bytes, NULL) AS disk_free_bytes,
    if(isFinite(host.disk_read_bytes_per_s), host.disk_read_bytes_per_s, NULL) AS disk_read_bytes_per_s,
    if(isFinite(host.disk_write_bytes_per_s), host.disk_write_bytes_per_s, NULL) AS disk_write_bytes_per_s,
    if(isFinite(host.network_receive_bytes_per_s), host.network_receive_bytes_per_s, NULL) AS network_receive_bytes_per_s,
    if(isFinite(host.network_transmit_bytes_per_s), host.network_transmit_bytes_per_s, NULL) AS network_transmit_bytes_per_s,
    if(isFinite(host.cpu_temperature_c), host.cpu_temperature_c, NULL) AS cpu_temperature_c,
    if(isFinite(host.cpu_clock_ratio), host.cpu_clock_ratio, NULL) AS cpu_clock_ratio,
    if(isFinite(host.cpu_power_w), host.cpu_power_w, NULL) AS cpu_power_w,
    if(isFinite(host.soc_power_w), host.soc_power_w, NULL) AS soc_power_w,
    if(isFinite(host.clock_offset_s), host.clock_offset_s, NULL) AS clock_offset_s,
    if(isFinite(host.age_s), host.age_s, NULL) AS host_age_s,
    host.clock_synchronized AS clock_synchronized,
    host.thermal_pressure AS thermal_pressure,
    arrayMap(x -> if(isFinite(x), x, NULL), host.cpu_core_ratios) AS cpu_core_ratios,
    arrayMap(t -> (t.name, if(isFinite(t.temperature_c), t.temperature_c, NULL)), temperatures) AS temperatures
FROM $database.intake_node_sample;

CREATE TABLE IF NOT EXISTS $database.gpu_samples $on_cluster
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
    utilization_ratio Nullable(Float64),
    memory_utilization_ratio Nullable(Float64),
    memory_used_bytes Nullable(Float64),
    memory_total_bytes Nullable(Float64),
    temperature_c Nullable(Float64),
    memory_temperature_c Nullable(Float64),
    temperature_slowdown_c Nullable(Float64),
    power_w Nullable(Float64),
    power_limit_w Nullable(Float64),
    energy_j Nullable(Float64),
    sm_clock_mhz Nullable(Float64),
    sm_clock_max_mhz Nullable(Float64),
    fan_ratio Nullable(Float64),
    performance_state Nullable(Float64),
    age_s Nullable(Float64),
    throttle_reasons Nullable(Int64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, gpu_id, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a sample and accelerator. NULL is no reading.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.gpu_samples_view $on_cluster TO $database.gpu_samples AS
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
    if(isFinite(item.utilization_ratio), item.utilization_ratio, NULL) AS utilization_ratio,
    if(isFinite(item.memory_utilization_ratio), item.memory_utilization_ratio, NULL) AS memory_utilization_ratio,
    if(isFinite(item.memory_used_bytes), item.memory_used_bytes, NULL) AS memory_used_bytes,
    if(isFinite(item.memory_total_bytes), item.memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(item.temperature_c), item.temperature_c, NULL) AS temperature_c,
    if(isFinite(item.memory_temperature_c), item.memory_temperature_c, NULL) AS memory_temperature_c,
    if(isFinite(item.temperature_slowdown_c), item.temperature_slowdown_c, NULL) AS temperature_slowdown_c,
    if(isFinite(item.power_w), item.power_w, NULL) AS power_w,
    if(isFinite(item.power_limit_w), item.power_limit_w, NULL) AS power_limit_w,
    if(isFinite(item.energy_j), item.energy_j, NULL) AS energy_j,
    if(isFinite(item.sm_clock_mhz), item.sm_clock_mhz, NULL) AS sm_clock_mhz,
    if(isFinite(item.sm_clock_max_mhz), item.sm_clock_max_mhz, NULL) AS sm_clock_max_mhz,
    if(isFinite(item.fan_ratio), item.fan_ratio, NULL) AS fan_ratio,
    if(isFinite(item.performance_state), item.performance_state, NULL) AS performance_state,
    if(isFinite(item.age_s), item.age_s, NULL) AS age_s,
    nullIf(item.throttle_reasons, -1) AS throttle_reasons
FROM $database.intake_node_sample
ARRAY JOIN gpus AS item;

CREATE TABLE IF NOT EXISTS $database.runtime_samples $on_cluster
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
    interval_s Nullable(Float64),
    prompt_tokens Nullable(Float64),
    generation_tokens Nullable(Float64),
    cached_prompt_tokens Nullable(Float64),
    requests_finished Nullable(Float64),
    requests_failed Nullable(Float64),
    preemptions Nullable(Float64),
    ttft_sum_s Nullable(Float64),
    ttft_count Nullable(Float64),
    e2e_sum_s Nullable(Float64),
    e2e_count Nullable(Float64),
    queue_sum_s Nullable(Float64),
    queue_count Nullable(Float64),
    last_activity_age_s Nullable(Float64),
    probe_tokens_per_second Nullable(Float64),
    probe_age_s Nullable(Float64),
    probes_running Nullable(Float64),
    age_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, runtime_id, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a sample and serving runtime; counts are over interval_s.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.runtime_samples_view $on_cluster TO $database.runtime_samples AS
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
    if(isFinite(item.interval_s), item.interval_s, NULL) AS interval_s,
    if(isFinite(item.prompt_tokens), item.prompt_tokens, NULL) AS prompt_tokens,
    if(isFinite(item.generation_tokens), item.generation_tokens, NULL) AS generation_tokens,
    if(isFinite(item.cached_prompt_tokens), item.cached_prompt_tokens, NULL) AS cached_prompt_tokens,
    if(isFinite(item.requests_finished), item.requests_finished, NULL) AS requests_finished,
    if(isFinite(item.requests_failed), item.requests_failed, NULL) AS requests_failed,
    if(isFinite(item.preemptions), item.preemptions, NULL) AS preemptions,
    if(isFinite(item.ttft_sum_s), item.ttft_sum_s, NULL) AS ttft_sum_s,
    if(isFinite(item.ttft_count), item.ttft_count, NULL) AS ttft_count,
    if(isFinite(item.e2e_sum_s), item.e2e_sum_s, NULL) AS e2e_sum_s,
    if(isFinite(item.e2e_count), item.e2e_count, NULL) AS e2e_count,
    if(isFinite(item.queue_sum_s), item.queue_sum_s, NULL) AS queue_sum_s,
    if(isFinite(item.queue_count), item.queue_count, NULL) AS queue_count,
    if(isFinite(item.last_activity_age_s), item.last_activity_age_s, NULL) AS last_activity_age_s,
    if(isFinite(item.probe_tokens_per_second), item.probe_tokens_per_second, NULL) AS probe_tokens_per_second,
    if(isFinite(item.probe_age_s), item.probe_age_s, NULL) AS probe_age_s,
    if(isFinite(item.probes_running), item.probes_running, NULL) AS probes_running,
    if(isFinite(item.age_s), item.age_s, NULL) AS age_s
FROM $database.intake_node_sample
ARRAY JOIN runtimes AS item;

CREATE TABLE IF NOT EXISTS $database.loaded_models $on_cluster
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
    size_bytes Nullable(Float64),
    vram_bytes Nullable(Float64),
    context_length Nullable(Float64),
    requests_running Nullable(Float64),
    prompt_tokens Nullable(Float64),
    generation_tokens Nullable(Float64),
    expires_in_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, runtime_id, name, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a sample and model in memory.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.loaded_models_view $on_cluster TO $database.loaded_models AS
SELECT
    fleet,
    node_id,
    boot_id,
    seq,
    occurred_at,
    pair.1 AS runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    pair.2.name AS name,
    if(isFinite(pair.2.size_bytes), pair.2.size_bytes, NULL) AS size_bytes,
    if(isFinite(pair.2.vram_bytes), pair.2.vram_bytes, NULL) AS vram_bytes,
    if(isFinite(pair.2.context_length), pair.2.context_length, NULL) AS context_length,
    if(isFinite(pair.2.requests_running), pair.2.requests_running, NULL) AS requests_running,
    if(isFinite(pair.2.prompt_tokens), pair.2.prompt_tokens, NULL) AS prompt_tokens,
    if(isFinite(pair.2.generation_tokens), pair.2.generation_tokens, NULL) AS generation_tokens,
    if(isFinite(pair.2.expires_in_s), pair.2.expires_in_s, NULL) AS expires_in_s
FROM $database.intake_node_sample
ARRAY JOIN arrayFlatten(arrayMap(above -> arrayMap(below -> (above.runtime_id, below), above.models), runtimes)) AS pair;

CREATE TABLE IF NOT EXISTS $database.gpu_health $on_cluster
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
    graphics_clock_mhz Nullable(Float64),
    memory_clock_mhz Nullable(Float64),
    pcie_generation Nullable(Float64),
    pcie_generation_max Nullable(Float64),
    pcie_width Nullable(Float64),
    pcie_width_max Nullable(Float64),
    pcie_receive_bytes_per_s Nullable(Float64),
    pcie_transmit_bytes_per_s Nullable(Float64),
    pcie_replays_total Nullable(Float64),
    ecc_corrected_volatile_total Nullable(Float64),
    ecc_uncorrected_volatile_total Nullable(Float64),
    ecc_corrected_aggregate_total Nullable(Float64),
    ecc_uncorrected_aggregate_total Nullable(Float64),
    remapped_rows_correctable_total Nullable(Float64),
    remapped_rows_uncorrectable_total Nullable(Float64),
    remapped_rows_pending Nullable(Float64),
    retired_pages_total Nullable(Float64),
    nvlink_links_active Nullable(Float64),
    nvlink_errors_total Nullable(Float64),
    power_limit_default_w Nullable(Float64),
    power_limit_max_w Nullable(Float64),
    temperature_shutdown_c Nullable(Float64),
    memory_temperature_max_c Nullable(Float64),
    age_s Nullable(Float64),
    xids Array(Int64),
    processes Array(Tuple(pid Int64, memory_used_bytes Nullable(Float64), runtime_id LowCardinality(String))),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, gpu_id, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'Slow readings of each accelerator, every ten seconds and on change.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.gpu_health_view $on_cluster TO $database.gpu_health AS
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
    if(isFinite(item.graphics_clock_mhz), item.graphics_clock_mhz, NULL) AS graphics_clock_mhz,
    if(isFinite(item.memory_clock_mhz), item.memory_clock_mhz, NULL) AS memory_clock_mhz,
    if(isFinite(item.pcie_generation), item.pcie_generation, NULL) AS pcie_generation,
    if(isFinite(item.pcie_generation_max), item.pcie_generation_max, NULL) AS pcie_generation_max,
    if(isFinite(item.pcie_width), item.pcie_width, NULL) AS pcie_width,
    if(isFinite(item.pcie_width_max), item.pcie_width_max, NULL) AS pcie_width_max,
    if(isFinite(item.pcie_receive_bytes_per_s), item.pcie_receive_bytes_per_s, NULL) AS pcie_receive_bytes_per_s,
    if(isFinite(item.pcie_transmit_bytes_per_s), item.pcie_transmit_bytes_per_s, NULL) AS pcie_transmit_bytes_per_s,
    if(isFinite(item.pcie_replays_total), item.pcie_replays_total, NULL) AS pcie_replays_total,
    if(isFinite(item.ecc_corrected_volatile_total), item.ecc_corrected_volatile_total, NULL) AS ecc_corrected_volatile_total,
    if(isFinite(item.ecc_uncorrected_volatile_total), item.ecc_uncorrected_volatile_total, NULL) AS ecc_uncorrected_volatile_total,
    if(isFinite(item.ecc_corrected_aggregate_total), item.ecc_corrected_aggregate_total, NULL) AS ecc_corrected_aggregate_total,
    if(isFinite(item.ecc_uncorrected_aggregate_total), item.ecc_uncorrected_aggregate_total, NULL) AS ecc_uncorrected_aggregate_total,
    if(isFinite(item.remapped_rows_correctable_total), item.remapped_rows_correctable_total, NULL) AS remapped_rows_correctable_total,
    if(isFinite(item.remapped_rows_uncorrectable_total), item.remapped_rows_uncorrectable_total, NULL) AS remapped_rows_uncorrectable_total,
    if(isFinite(item.remapped_rows_pending), item.remapped_rows_pending, NULL) AS remapped_rows_pending,
    if(isFinite(item.retired_pages_total), item.retired_pages_total, NULL) AS retired_pages_total,
    if(isFinite(item.nvlink_links_active), item.nvlink_links_active, NULL) AS nvlink_links_active,
    if(isFinite(item.nvlink_errors_total), item.nvlink_errors_total, NULL) AS nvlink_errors_total,
    if(isFinite(item.power_limit_default_w), item.power_limit_default_w, NULL) AS power_limit_default_w,
    if(isFinite(item.power_limit_max_w), item.power_limit_max_w, NULL) AS power_limit_max_w,
    if(isFinite(item.temperature_shutdown_c), item.temperature_shutdown_c, NULL) AS temperature_shutdown_c,
    if(isFinite(item.memory_temperature_max_c), item.memory_temperature_max_c, NULL) AS memory_temperature_max_c,
    if(isFinite(item.age_s), item.age_s, NULL) AS age_s,
    item.xids AS xids,
    arrayMap(p -> (p.pid, if(isFinite(p.memory_used_bytes), p.memory_used_bytes, NULL), p.runtime_id), item.processes) AS processes
FROM $database.intake_node_sample
ARRAY JOIN gpu_health AS item;

CREATE TABLE IF NOT EXISTS $database.collector_reports $on_cluster
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
    name LowCardinality(String),
    status LowCardinality(String),
    reason LowCardinality(String),
    age_s Nullable(Float64),
    duration_s Nullable(Float64),
    successes Nullable(Float64),
    failures Nullable(Float64),
    timeouts Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, name, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'How each collector of the agent did.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.collector_reports_view $on_cluster TO $database.collector_reports AS
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
    item.name AS name,
    item.status AS status,
    item.reason AS reason,
    if(isFinite(item.age_s), item.age_s, NULL) AS age_s,
    if(isFinite(item.duration_s), item.duration_s, NULL) AS duration_s,
    if(isFinite(item.successes), item.successes, NULL) AS successes,
    if(isFinite(item.failures), item.failures, NULL) AS failures,
    if(isFinite(item.timeouts), item.timeouts, NULL) AS timeouts
FROM $database.intake_node_sample
ARRAY JOIN collectors AS item;

CREATE TABLE IF NOT EXISTS $database.suspect_readings $on_cluster
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
    reading LowCardinality(String),
    value Nullable(Float64),
    why LowCardinality(String),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, node_id, occurred_at)
ORDER BY (fleet, node_id, occurred_at, reading, boot_id, seq)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'Readings that cannot be true, kept apart from the readings.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.suspect_readings_view $on_cluster TO $database.suspect_readings AS
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
    item.reading AS reading,
    if(isFinite(item.value), item.value, NULL) AS value,
    item.why AS why
FROM $database.intake_node_sample
ARRAY JOIN suspects AS item;
