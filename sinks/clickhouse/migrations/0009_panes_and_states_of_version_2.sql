-- What panes and states say since their second version. Tables grow in place and views change under
-- their names, so no row is lost meanwhile: tables first, then where the bytes go in, then the views.

ALTER TABLE $database.node_panes $on_cluster
    ADD COLUMN IF NOT EXISTS agent_version LowCardinality(String),
    ADD COLUMN IF NOT EXISTS cpu_model LowCardinality(String),
    ADD COLUMN IF NOT EXISTS driver_version LowCardinality(String),
    ADD COLUMN IF NOT EXISTS tags Map(String, String),
    ADD COLUMN IF NOT EXISTS stopped Nullable(Float64);

ALTER TABLE $database.gpu_panes $on_cluster
    ADD COLUMN IF NOT EXISTS name LowCardinality(String),
    ADD COLUMN IF NOT EXISTS vendor LowCardinality(String),
    ADD COLUMN IF NOT EXISTS mig_parent LowCardinality(String),
    ADD COLUMN IF NOT EXISTS power_limit_default_w Nullable(Float64);

ALTER TABLE $database.runtime_panes $on_cluster
    ADD COLUMN IF NOT EXISTS stalled Nullable(Float64);

ALTER TABLE $database.model_panes $on_cluster
    ADD COLUMN IF NOT EXISTS quantization LowCardinality(String),
    ADD COLUMN IF NOT EXISTS parameters Nullable(Float64),
    ADD COLUMN IF NOT EXISTS context_length Nullable(Float64);

ALTER TABLE $database.node_states $on_cluster
    ADD COLUMN IF NOT EXISTS routing_hint LowCardinality(String),
    ADD COLUMN IF NOT EXISTS routing_hint_source LowCardinality(String);

ALTER TABLE $database.node_states_latest $on_cluster
    ADD COLUMN IF NOT EXISTS routing_hint LowCardinality(String),
    ADD COLUMN IF NOT EXISTS routing_hint_source LowCardinality(String);

CREATE TABLE IF NOT EXISTS $database.suspect_panes $on_cluster
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
    reading LowCardinality(String),
    why LowCardinality(String),
    value Nullable(Float64),
    samples Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}MergeTree
PARTITION BY toYYYYMM(arrived_at)
PRIMARY KEY (fleet, node_id, started_at)
ORDER BY (fleet, node_id, started_at, reading)
TTL toDateTime(arrived_at) + INTERVAL $panes_ttl_days DAY
SETTINGS $settings
COMMENT 'Readings that were set aside in ten seconds.';

ALTER TABLE $database.trial_node_pane $on_cluster
    ADD COLUMN IF NOT EXISTS agent_version LowCardinality(String) AFTER boot_id,
    ADD COLUMN IF NOT EXISTS cpu_model LowCardinality(String) AFTER agent_version,
    ADD COLUMN IF NOT EXISTS driver_version LowCardinality(String) AFTER cpu_model,
    ADD COLUMN IF NOT EXISTS tags Map(String, String) AFTER driver_version,
    ADD COLUMN IF NOT EXISTS stopped Float64 AFTER spooled,
    MODIFY COLUMN gpus Array(Tuple(gpu_id String, name String, vendor String, mig_parent String, utilization_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_utilization_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_used_bytes Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), temperature_c Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_temperature_c Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), power_w Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), energy_j Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), sm_clock_mhz Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), fan_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_total_bytes Float64, temperature_slowdown_c Float64, power_limit_w Float64, sm_clock_max_mhz Float64, idle_power_w Float64, power_limit_default_w Float64, samples Float64, lost Float64, active Float64, throttled_power Float64, throttled_thermal Float64, throttled_hardware Float64, thermal_unknown Float64, thermal_normal Float64, thermal_fair Float64, thermal_serious Float64, thermal_critical Float64)),
    MODIFY COLUMN runtimes Array(Tuple(runtime_id String, kind String, requests_running Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), requests_waiting Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), kv_cache_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), tokens_per_second Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), samples Float64, up Float64, stalled Float64, slots Float64, interval_s Float64, prompt_tokens Float64, generation_tokens Float64, cached_prompt_tokens Float64, requests_finished Float64, requests_failed Float64, preemptions Float64, ttft_sum_s Float64, ttft_count Float64, e2e_sum_s Float64, e2e_count Float64, queue_sum_s Float64, queue_count Float64, probe_tokens_per_second Float64, models Array(String))),
    MODIFY COLUMN models Array(Tuple(name String, runtime_id String, quantization String, tokens_per_second Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), wes Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), vram_bytes Float64, parameters Float64, context_length Float64, generation_tokens Float64)),
    ADD COLUMN IF NOT EXISTS suspects Array(Tuple(reading String, why String, value Float64, samples Float64)) AFTER gpu_health;

ALTER TABLE $database.intake_node_pane $on_cluster
    ADD COLUMN IF NOT EXISTS agent_version LowCardinality(String) AFTER boot_id,
    ADD COLUMN IF NOT EXISTS cpu_model LowCardinality(String) AFTER agent_version,
    ADD COLUMN IF NOT EXISTS driver_version LowCardinality(String) AFTER cpu_model,
    ADD COLUMN IF NOT EXISTS tags Map(String, String) AFTER driver_version,
    ADD COLUMN IF NOT EXISTS stopped Float64 AFTER spooled,
    MODIFY COLUMN gpus Array(Tuple(gpu_id String, name String, vendor String, mig_parent String, utilization_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_utilization_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_used_bytes Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), temperature_c Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_temperature_c Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), power_w Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), energy_j Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), sm_clock_mhz Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), fan_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), memory_total_bytes Float64, temperature_slowdown_c Float64, power_limit_w Float64, sm_clock_max_mhz Float64, idle_power_w Float64, power_limit_default_w Float64, samples Float64, lost Float64, active Float64, throttled_power Float64, throttled_thermal Float64, throttled_hardware Float64, thermal_unknown Float64, thermal_normal Float64, thermal_fair Float64, thermal_serious Float64, thermal_critical Float64)),
    MODIFY COLUMN runtimes Array(Tuple(runtime_id String, kind String, requests_running Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), requests_waiting Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), kv_cache_ratio Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), tokens_per_second Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), samples Float64, up Float64, stalled Float64, slots Float64, interval_s Float64, prompt_tokens Float64, generation_tokens Float64, cached_prompt_tokens Float64, requests_finished Float64, requests_failed Float64, preemptions Float64, ttft_sum_s Float64, ttft_count Float64, e2e_sum_s Float64, e2e_count Float64, queue_sum_s Float64, queue_count Float64, probe_tokens_per_second Float64, models Array(String))),
    MODIFY COLUMN models Array(Tuple(name String, runtime_id String, quantization String, tokens_per_second Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), wes Tuple(n Float64, mean Float64, m2 Float64, min Float64, max Float64, first Float64, last Float64), vram_bytes Float64, parameters Float64, context_length Float64, generation_tokens Float64)),
    ADD COLUMN IF NOT EXISTS suspects Array(Tuple(reading String, why String, value Float64, samples Float64)) AFTER gpu_health;

ALTER TABLE $database.trial_node_state $on_cluster
    ADD COLUMN IF NOT EXISTS routing_hint LowCardinality(String) AFTER cpu_thermal_state,
    ADD COLUMN IF NOT EXISTS routing_hint_source LowCardinality(String) AFTER routing_hint;

ALTER TABLE $database.intake_node_state $on_cluster
    ADD COLUMN IF NOT EXISTS routing_hint LowCardinality(String) AFTER cpu_thermal_state,
    ADD COLUMN IF NOT EXISTS routing_hint_source LowCardinality(String) AFTER routing_hint;

ALTER TABLE $database.node_panes_view $on_cluster MODIFY QUERY
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
    toUUIDOrZero(id) AS id,
    last_arrived_at,
    if(isFinite(samples), samples, NULL) AS samples,
    if(isFinite(expected), expected, NULL) AS expected,
    if(isFinite(duplicates), duplicates, NULL) AS duplicates,
    if(isFinite(missing), missing, NULL) AS missing,
    if(isFinite(late), late, NULL) AS late,
    if(isFinite(spooled), spooled, NULL) AS spooled,
    if(isFinite(delay_max_s), delay_max_s, NULL) AS delay_max_s,
    if(isFinite(inference_unknown), inference_unknown, NULL) AS inference_unknown,
    if(isFinite(inference_idle), inference_idle, NULL) AS inference_idle,
    if(isFinite(inference_idle_spd), inference_idle_spd, NULL) AS inference_idle_spd,
    if(isFinite(inference_busy), inference_busy, NULL) AS inference_busy,
    if(isFinite(inference_live), inference_live, NULL) AS inference_live,
    if(isFinite(thermal_unknown), thermal_unknown, NULL) AS thermal_unknown,
    if(isFinite(thermal_normal), thermal_normal, NULL) AS thermal_normal,
    if(isFinite(thermal_fair), thermal_fair, NULL) AS thermal_fair,
    if(isFinite(thermal_serious), thermal_serious, NULL) AS thermal_serious,
    if(isFinite(thermal_critical), thermal_critical, NULL) AS thermal_critical,
    (tokens_per_second.n, if(isFinite(tokens_per_second.mean), tokens_per_second.mean, NULL), if(isFinite(tokens_per_second.m2), tokens_per_second.m2, NULL), if(isFinite(tokens_per_second.min), tokens_per_second.min, NULL), if(isFinite(tokens_per_second.max), tokens_per_second.max, NULL), if(isFinite(tokens_per_second.first), tokens_per_second.first, NULL), if(isFinite(tokens_per_second.last), tokens_per_second.last, NULL)) AS tokens_per_second,
    (power_w.n, if(isFinite(power_w.mean), power_w.mean, NULL), if(isFinite(power_w.m2), power_w.m2, NULL), if(isFinite(power_w.min), power_w.min, NULL), if(isFinite(power_w.max), power_w.max, NULL), if(isFinite(power_w.first), power_w.first, NULL), if(isFinite(power_w.last), power_w.last, NULL)) AS power_w,
    (wes.n, if(isFinite(wes.mean), wes.mean, NULL), if(isFinite(wes.m2), wes.m2, NULL), if(isFinite(wes.min), wes.min, NULL), if(isFinite(wes.max), wes.max, NULL), if(isFinite(wes.first), wes.first, NULL), if(isFinite(wes.last), wes.last, NULL)) AS wes,
    (thermal_penalty.n, if(isFinite(thermal_penalty.mean), thermal_penalty.mean, NULL), if(isFinite(thermal_penalty.m2), thermal_penalty.m2, NULL), if(isFinite(thermal_penalty.min), thermal_penalty.min, NULL), if(isFinite(thermal_penalty.max), thermal_penalty.max, NULL), if(isFinite(thermal_penalty.first), thermal_penalty.first, NULL), if(isFinite(thermal_penalty.last), thermal_penalty.last, NULL)) AS thermal_penalty,
    (cpu_ratio_agent.n, if(isFinite(cpu_ratio_agent.mean), cpu_ratio_agent.mean, NULL), if(isFinite(cpu_ratio_agent.m2), cpu_ratio_agent.m2, NULL), if(isFinite(cpu_ratio_agent.min), cpu_ratio_agent.min, NULL), if(isFinite(cpu_ratio_agent.max), cpu_ratio_agent.max, NULL), if(isFinite(cpu_ratio_agent.first), cpu_ratio_agent.first, NULL), if(isFinite(cpu_ratio_agent.last), cpu_ratio_agent.last, NULL)) AS cpu_ratio_agent,
    (lateness_s.n, if(isFinite(lateness_s.mean), lateness_s.mean, NULL), if(isFinite(lateness_s.m2), lateness_s.m2, NULL), if(isFinite(lateness_s.min), lateness_s.min, NULL), if(isFinite(lateness_s.max), lateness_s.max, NULL), if(isFinite(lateness_s.first), lateness_s.first, NULL), if(isFinite(lateness_s.last), lateness_s.last, NULL)) AS lateness_s,
    if(isFinite(clock_skew_s), clock_skew_s, NULL) AS clock_skew_s,
    if(isFinite(spool_records), spool_records, NULL) AS spool_records,
    if(isFinite(spool_dropped_total), spool_dropped_total, NULL) AS spool_dropped_total,
    wes_histogram,
    tokens_per_second_histogram,
    power_histogram,
    (host.cpu_ratio.n, if(isFinite(host.cpu_ratio.mean), host.cpu_ratio.mean, NULL), if(isFinite(host.cpu_ratio.m2), host.cpu_ratio.m2, NULL), if(isFinite(host.cpu_ratio.min), host.cpu_ratio.min, NULL), if(isFinite(host.cpu_ratio.max), host.cpu_ratio.max, NULL), if(isFinite(host.cpu_ratio.first), host.cpu_ratio.first, NULL), if(isFinite(host.cpu_ratio.last), host.cpu_ratio.last, NULL)) AS cpu_ratio,
    (host.load_1m.n, if(isFinite(host.load_1m.mean), host.load_1m.mean, NULL), if(isFinite(host.load_1m.m2), host.load_1m.m2, NULL), if(isFinite(host.load_1m.min), host.load_1m.min, NULL), if(isFinite(host.load_1m.max), host.load_1m.max, NULL), if(isFinite(host.load_1m.first), host.load_1m.first, NULL), if(isFinite(host.load_1m.last), host.load_1m.last, NULL)) AS load_1m,
    (host.memory_used_bytes.n, if(isFinite(host.memory_used_bytes.mean), host.memory_used_bytes.mean, NULL), if(isFinite(host.memory_used_bytes.m2), host.memory_used_bytes.m2, NULL), if(isFinite(host.memory_used_bytes.min), host.memory_used_bytes.min, NULL), if(isFinite(host.memory_used_bytes.max), host.memory_used_bytes.max, NULL), if(isFinite(host.memory_used_bytes.first), host.memory_used_bytes.first, NULL), if(isFinite(host.memory_used_bytes.last), host.memory_used_bytes.last, NULL)) AS memory_used_bytes,
    (host.memory_available_bytes.n, if(isFinite(host.memory_available_bytes.mean), host.memory_available_bytes.mean, NULL), if(isFinite(host.memory_available_bytes.m2), host.memory_available_bytes.m2, NULL), if(isFinite(host.memory_available_bytes.min), host.memory_available_bytes.min, NULL), if(isFinite(host.memory_available_bytes.max), host.memory_available_bytes.max, NULL), if(isFinite(host.memory_available_bytes.first), host.memory_available_bytes.first, NULL), if(isFinite(host.memory_available_bytes.last), host.memory_available_bytes.last, NULL)) AS memory_available_bytes,
    (host.swap_used_bytes.n, if(isFinite(host.swap_used_bytes.mean), host.swap_used_bytes.mean, NULL), if(isFinite(host.swap_used_bytes.m2), host.swap_used_bytes.m2, NULL), if(isFinite(host.swap_used_bytes.min), host.swap_used_bytes.min, NULL), if(isFinite(host.swap_used_bytes.max), host.swap_used_bytes.max, NULL), if(isFinite(host.swap_used_bytes.first), host.swap_used_bytes.first, NULL), if(isFinite(host.swap_used_bytes.last), host.swap_used_bytes.last, NULL)) AS swap_used_bytes,
    (host.swap_out_bytes_per_s.n, if(isFinite(host.swap_out_bytes_per_s.mean), host.swap_out_bytes_per_s.mean, NULL), if(isFinite(host.swap_out_bytes_per_s.m2), host.swap_out_bytes_per_s.m2, NULL), if(isFinite(host.swap_out_bytes_per_s.min), host.swap_out_bytes_per_s.min, NULL), if(isFinite(host.swap_out_bytes_per_s.max), host.swap_out_bytes_per_s.max, NULL), if(isFinite(host.swap_out_bytes_per_s.first), host.swap_out_bytes_per_s.first, NULL), if(isFinite(host.swap_out_bytes_per_s.last), host.swap_out_bytes_per_s.last, NULL)) AS swap_out_bytes_per_s,
    (host.memory_pressure_ratio.n, if(isFinite(host.memory_pressure_ratio.mean), host.memory_pressure_ratio.mean, NULL), if(isFinite(host.memory_pressure_ratio.m2), host.memory_pressure_ratio.m2, NULL), if(isFinite(host.memory_pressure_ratio.min), host.memory_pressure_ratio.min, NULL), if(isFinite(host.memory_pressure_ratio.max), host.memory_pressure_ratio.max, NULL), if(isFinite(host.memory_pressure_ratio.first), host.memory_pressure_ratio.first, NULL), if(isFinite(host.memory_pressure_ratio.last), host.memory_pressure_ratio.last, NULL)) AS memory_pressure_ratio,
    (host.io_pressure_ratio.n, if(isFinite(host.io_pressure_ratio.mean), host.io_pressure_ratio.mean, NULL), if(isFinite(host.io_pressure_ratio.m2), host.io_pressure_ratio.m2, NULL), if(isFinite(host.io_pressure_ratio.min), host.io_pressure_ratio.min, NULL), if(isFinite(host.io_pressure_ratio.max), host.io_pressure_ratio.max, NULL), if(isFinite(host.io_pressure_ratio.first), host.io_pressure_ratio.first, NULL), if(isFinite(host.io_pressure_ratio.last), host.io_pressure_ratio.last, NULL)) AS io_pressure_ratio,
    (host.disk_free_bytes.n, if(isFinite(host.disk_free_bytes.mean), host.disk_free_bytes.mean, NULL), if(isFinite(host.disk_free_bytes.m2), host.disk_free_bytes.m2, NULL), if(isFinite(host.disk_free_bytes.min), host.disk_free_bytes.min, NULL), if(isFinite(host.disk_free_bytes.max), host.disk_free_bytes.max, NULL), if(isFinite(host.disk_free_bytes.first), host.disk_free_bytes.first, NULL), if(isFinite(host.disk_free_bytes.last), host.disk_free_bytes.last, NULL)) AS disk_free_bytes,
    (host.disk_write_bytes_per_s.n, if(isFinite(host.disk_write_bytes_per_s.mean), host.disk_write_bytes_per_s.mean, NULL), if(isFinite(host.disk_write_bytes_per_s.m2), host.disk_write_bytes_per_s.m2, NULL), if(isFinite(host.disk_write_bytes_per_s.min), host.disk_write_bytes_per_s.min, NULL), if(isFinite(host.disk_write_bytes_per_s.max), host.disk_write_bytes_per_s.max, NULL), if(isFinite(host.disk_write_bytes_per_s.first), host.disk_write_bytes_per_s.first, NULL), if(isFinite(host.disk_write_bytes_per_s.last), host.disk_write_bytes_per_s.last, NULL)) AS disk_write_bytes_per_s,
    (host.network_receive_bytes_per_s.n, if(isFinite(host.network_receive_bytes_per_s.mean), host.network_receive_bytes_per_s.mean, NULL), if(isFinite(host.network_receive_bytes_per_s.m2), host.network_receive_bytes_per_s.m2, NULL), if(isFinite(host.network_receive_bytes_per_s.min), host.network_receive_bytes_per_s.min, NULL), if(isFinite(host.network_receive_bytes_per_s.max), host.network_receive_bytes_per_s.max, NULL), if(isFinite(host.network_receive_bytes_per_s.first), host.network_receive_bytes_per_s.first, NULL), if(isFinite(host.network_receive_bytes_per_s.last), host.network_receive_bytes_per_s.last, NULL)) AS network_receive_bytes_per_s,
    (host.network_transmit_bytes_per_s.n, if(isFinite(host.network_transmit_bytes_per_s.mean), host.network_transmit_bytes_per_s.mean, NULL), if(isFinite(host.network_transmit_bytes_per_s.m2), host.network_transmit_bytes_per_s.m2, NULL), if(isFinite(host.network_transmit_bytes_per_s.min), host.network_transmit_bytes_per_s.min, NULL), if(isFinite(host.network_transmit_bytes_per_s.max), host.network_transmit_bytes_per_s.max, NULL), if(isFinite(host.network_transmit_bytes_per_s.first), host.network_transmit_bytes_per_s.first, NULL), if(isFinite(host.network_transmit_bytes_per_s.last), host.network_transmit_bytes_per_s.last, NULL)) AS network_transmit_bytes_per_s,
    (host.cpu_temperature_c.n, if(isFinite(host.cpu_temperature_c.mean), host.cpu_temperature_c.mean, NULL), if(isFinite(host.cpu_temperature_c.m2), host.cpu_temperature_c.m2, NULL), if(isFinite(host.cpu_temperature_c.min), host.cpu_temperature_c.min, NULL), if(isFinite(host.cpu_temperature_c.max), host.cpu_temperature_c.max, NULL), if(isFinite(host.cpu_temperature_c.first), host.cpu_temperature_c.first, NULL), if(isFinite(host.cpu_temperature_c.last), host.cpu_temperature_c.last, NULL)) AS cpu_temperature_c,
    (host.cpu_clock_ratio.n, if(isFinite(host.cpu_clock_ratio.mean), host.cpu_clock_ratio.mean, NULL), if(isFinite(host.cpu_clock_ratio.m2), host.cpu_clock_ratio.m2, NULL), if(isFinite(host.cpu_clock_ratio.min), host.cpu_clock_ratio.min, NULL), if(isFinite(host.cpu_clock_ratio.max), host.cpu_clock_ratio.max, NULL), if(isFinite(host.cpu_clock_ratio.first), host.cpu_clock_ratio.first, NULL), if(isFinite(host.cpu_clock_ratio.last), host.cpu_clock_ratio.last, NULL)) AS cpu_clock_ratio,
    (host.cpu_power_w.n, if(isFinite(host.cpu_power_w.mean), host.cpu_power_w.mean, NULL), if(isFinite(host.cpu_power_w.m2), host.cpu_power_w.m2, NULL), if(isFinite(host.cpu_power_w.min), host.cpu_power_w.min, NULL), if(isFinite(host.cpu_power_w.max), host.cpu_power_w.max, NULL), if(isFinite(host.cpu_power_w.first), host.cpu_power_w.first, NULL), if(isFinite(host.cpu_power_w.last), host.cpu_power_w.last, NULL)) AS cpu_power_w,
    (host.soc_power_w.n, if(isFinite(host.soc_power_w.mean), host.soc_power_w.mean, NULL), if(isFinite(host.soc_power_w.m2), host.soc_power_w.m2, NULL), if(isFinite(host.soc_power_w.min), host.soc_power_w.min, NULL), if(isFinite(host.soc_power_w.max), host.soc_power_w.max, NULL), if(isFinite(host.soc_power_w.first), host.soc_power_w.first, NULL), if(isFinite(host.soc_power_w.last), host.soc_power_w.last, NULL)) AS soc_power_w,
    (host.clock_offset_s.n, if(isFinite(host.clock_offset_s.mean), host.clock_offset_s.mean, NULL), if(isFinite(host.clock_offset_s.m2), host.clock_offset_s.m2, NULL), if(isFinite(host.clock_offset_s.min), host.clock_offset_s.min, NULL), if(isFinite(host.clock_offset_s.max), host.clock_offset_s.max, NULL), if(isFinite(host.clock_offset_s.first), host.clock_offset_s.first, NULL), if(isFinite(host.clock_offset_s.last), host.clock_offset_s.last, NULL)) AS clock_offset_s,
    agent_version,
    cpu_model,
    driver_version,
    tags,
    if(isFinite(stopped), stopped, NULL) AS stopped
FROM $database.intake_node_pane;

ALTER TABLE $database.gpu_panes_view $on_cluster MODIFY QUERY
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
    item.gpu_id AS gpu_id,
    (item.utilization_ratio.n, if(isFinite(item.utilization_ratio.mean), item.utilization_ratio.mean, NULL), if(isFinite(item.utilization_ratio.m2), item.utilization_ratio.m2, NULL), if(isFinite(item.utilization_ratio.min), item.utilization_ratio.min, NULL), if(isFinite(item.utilization_ratio.max), item.utilization_ratio.max, NULL), if(isFinite(item.utilization_ratio.first), item.utilization_ratio.first, NULL), if(isFinite(item.utilization_ratio.last), item.utilization_ratio.last, NULL)) AS utilization_ratio,
    (item.memory_utilization_ratio.n, if(isFinite(item.memory_utilization_ratio.mean), item.memory_utilization_ratio.mean, NULL), if(isFinite(item.memory_utilization_ratio.m2), item.memory_utilization_ratio.m2, NULL), if(isFinite(item.memory_utilization_ratio.min), item.memory_utilization_ratio.min, NULL), if(isFinite(item.memory_utilization_ratio.max), item.memory_utilization_ratio.max, NULL), if(isFinite(item.memory_utilization_ratio.first), item.memory_utilization_ratio.first, NULL), if(isFinite(item.memory_utilization_ratio.last), item.memory_utilization_ratio.last, NULL)) AS memory_utilization_ratio,
    (item.memory_used_bytes.n, if(isFinite(item.memory_used_bytes.mean), item.memory_used_bytes.mean, NULL), if(isFinite(item.memory_used_bytes.m2), item.memory_used_bytes.m2, NULL), if(isFinite(item.memory_used_bytes.min), item.memory_used_bytes.min, NULL), if(isFinite(item.memory_used_bytes.max), item.memory_used_bytes.max, NULL), if(isFinite(item.memory_used_bytes.first), item.memory_used_bytes.first, NULL), if(isFinite(item.memory_used_bytes.last), item.memory_used_bytes.last, NULL)) AS memory_used_bytes,
    (item.temperature_c.n, if(isFinite(item.temperature_c.mean), item.temperature_c.mean, NULL), if(isFinite(item.temperature_c.m2), item.temperature_c.m2, NULL), if(isFinite(item.temperature_c.min), item.temperature_c.min, NULL), if(isFinite(item.temperature_c.max), item.temperature_c.max, NULL), if(isFinite(item.temperature_c.first), item.temperature_c.first, NULL), if(isFinite(item.temperature_c.last), item.temperature_c.last, NULL)) AS temperature_c,
    (item.memory_temperature_c.n, if(isFinite(item.memory_temperature_c.mean), item.memory_temperature_c.mean, NULL), if(isFinite(item.memory_temperature_c.m2), item.memory_temperature_c.m2, NULL), if(isFinite(item.memory_temperature_c.min), item.memory_temperature_c.min, NULL), if(isFinite(item.memory_temperature_c.max), item.memory_temperature_c.max, NULL), if(isFinite(item.memory_temperature_c.first), item.memory_temperature_c.first, NULL), if(isFinite(item.memory_temperature_c.last), item.memory_temperature_c.last, NULL)) AS memory_temperature_c,
    (item.power_w.n, if(isFinite(item.power_w.mean), item.power_w.mean, NULL), if(isFinite(item.power_w.m2), item.power_w.m2, NULL), if(isFinite(item.power_w.min), item.power_w.min, NULL), if(isFinite(item.power_w.max), item.power_w.max, NULL), if(isFinite(item.power_w.first), item.power_w.first, NULL), if(isFinite(item.power_w.last), item.power_w.last, NULL)) AS power_w,
    (item.energy_j.n, if(isFinite(item.energy_j.mean), item.energy_j.mean, NULL), if(isFinite(item.energy_j.m2), item.energy_j.m2, NULL), if(isFinite(item.energy_j.min), item.energy_j.min, NULL), if(isFinite(item.energy_j.max), item.energy_j.max, NULL), if(isFinite(item.energy_j.first), item.energy_j.first, NULL), if(isFinite(item.energy_j.last), item.energy_j.last, NULL)) AS energy_j,
    (item.sm_clock_mhz.n, if(isFinite(item.sm_clock_mhz.mean), item.sm_clock_mhz.mean, NULL), if(isFinite(item.sm_clock_mhz.m2), item.sm_clock_mhz.m2, NULL), if(isFinite(item.sm_clock_mhz.min), item.sm_clock_mhz.min, NULL), if(isFinite(item.sm_clock_mhz.max), item.sm_clock_mhz.max, NULL), if(isFinite(item.sm_clock_mhz.first), item.sm_clock_mhz.first, NULL), if(isFinite(item.sm_clock_mhz.last), item.sm_clock_mhz.last, NULL)) AS sm_clock_mhz,
    (item.fan_ratio.n, if(isFinite(item.fan_ratio.mean), item.fan_ratio.mean, NULL), if(isFinite(item.fan_ratio.m2), item.fan_ratio.m2, NULL), if(isFinite(item.fan_ratio.min), item.fan_ratio.min, NULL), if(isFinite(item.fan_ratio.max), item.fan_ratio.max, NULL), if(isFinite(item.fan_ratio.first), item.fan_ratio.first, NULL), if(isFinite(item.fan_ratio.last), item.fan_ratio.last, NULL)) AS fan_ratio,
    if(isFinite(item.memory_total_bytes), item.memory_total_bytes, NULL) AS memory_total_bytes,
    if(isFinite(item.temperature_slowdown_c), item.temperature_slowdown_c, NULL) AS temperature_slowdown_c,
    if(isFinite(item.power_limit_w), item.power_limit_w, NULL) AS power_limit_w,
    if(isFinite(item.sm_clock_max_mhz), item.sm_clock_max_mhz, NULL) AS sm_clock_max_mhz,
    if(isFinite(item.idle_power_w), item.idle_power_w, NULL) AS idle_power_w,
    if(isFinite(item.samples), item.samples, NULL) AS samples,
    if(isFinite(item.lost), item.lost, NULL) AS lost,
    if(isFinite(item.active), item.active, NULL) AS active,
    if(isFinite(item.throttled_power), item.throttled_power, NULL) AS throttled_power,
    if(isFinite(item.throttled_thermal), item.throttled_thermal, NULL) AS throttled_thermal,
    if(isFinite(item.throttled_hardware), item.throttled_hardware, NULL) AS throttled_hardware,
    if(isFinite(item.thermal_unknown), item.thermal_unknown, NULL) AS thermal_unknown,
    if(isFinite(item.thermal_normal), item.thermal_normal, NULL) AS thermal_normal,
    if(isFinite(item.thermal_fair), item.thermal_fair, NULL) AS thermal_fair,
    if(isFinite(item.thermal_serious), item.thermal_serious, NULL) AS thermal_serious,
    if(isFinite(item.thermal_critical), item.thermal_critical, NULL) AS thermal_critical,
    item.name AS name,
    item.vendor AS vendor,
    item.mig_parent AS mig_parent,
    if(isFinite(item.power_limit_default_w), item.power_limit_default_w, NULL) AS power_limit_default_w
FROM $database.intake_node_pane
ARRAY JOIN gpus AS item;

ALTER TABLE $database.runtime_panes_view $on_cluster MODIFY QUERY
SELECT
    fleet,
    node_id,
    boot_id,
    occurred_at,
    started_at,
    item.runtime_id AS runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.kind AS kind,
    (item.requests_running.n, if(isFinite(item.requests_running.mean), item.requests_running.mean, NULL), if(isFinite(item.requests_running.m2), item.requests_running.m2, NULL), if(isFinite(item.requests_running.min), item.requests_running.min, NULL), if(isFinite(item.requests_running.max), item.requests_running.max, NULL), if(isFinite(item.requests_running.first), item.requests_running.first, NULL), if(isFinite(item.requests_running.last), item.requests_running.last, NULL)) AS requests_running,
    (item.requests_waiting.n, if(isFinite(item.requests_waiting.mean), item.requests_waiting.mean, NULL), if(isFinite(item.requests_waiting.m2), item.requests_waiting.m2, NULL), if(isFinite(item.requests_waiting.min), item.requests_waiting.min, NULL), if(isFinite(item.requests_waiting.max), item.requests_waiting.max, NULL), if(isFinite(item.requests_waiting.first), item.requests_waiting.first, NULL), if(isFinite(item.requests_waiting.last), item.requests_waiting.last, NULL)) AS requests_waiting,
    (item.kv_cache_ratio.n, if(isFinite(item.kv_cache_ratio.mean), item.kv_cache_ratio.mean, NULL), if(isFinite(item.kv_cache_ratio.m2), item.kv_cache_ratio.m2, NULL), if(isFinite(item.kv_cache_ratio.min), item.kv_cache_ratio.min, NULL), if(isFinite(item.kv_cache_ratio.max), item.kv_cache_ratio.max, NULL), if(isFinite(item.kv_cache_ratio.first), item.kv_cache_ratio.first, NULL), if(isFinite(item.kv_cache_ratio.last), item.kv_cache_ratio.last, NULL)) AS kv_cache_ratio,
    (item.tokens_per_second.n, if(isFinite(item.tokens_per_second.mean), item.tokens_per_second.mean, NULL), if(isFinite(item.tokens_per_second.m2), item.tokens_per_second.m2, NULL), if(isFinite(item.tokens_per_second.min), item.tokens_per_second.min, NULL), if(isFinite(item.tokens_per_second.max), item.tokens_per_second.max, NULL), if(isFinite(item.tokens_per_second.first), item.tokens_per_second.first, NULL), if(isFinite(item.tokens_per_second.last), item.tokens_per_second.last, NULL)) AS tokens_per_second,
    if(isFinite(item.samples), item.samples, NULL) AS samples,
    if(isFinite(item.up), item.up, NULL) AS up,
    if(isFinite(item.slots), item.slots, NULL) AS slots,
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
    if(isFinite(item.probe_tokens_per_second), item.probe_tokens_per_second, NULL) AS probe_tokens_per_second,
    item.models AS models,
    if(isFinite(item.stalled), item.stalled, NULL) AS stalled
FROM $database.intake_node_pane
ARRAY JOIN runtimes AS item;

ALTER TABLE $database.model_panes_view $on_cluster MODIFY QUERY
SELECT
    fleet,
    node_id,
    boot_id,
    occurred_at,
    started_at,
    item.runtime_id AS runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.name AS name,
    (item.tokens_per_second.n, if(isFinite(item.tokens_per_second.mean), item.tokens_per_second.mean, NULL), if(isFinite(item.tokens_per_second.m2), item.tokens_per_second.m2, NULL), if(isFinite(item.tokens_per_second.min), item.tokens_per_second.min, NULL), if(isFinite(item.tokens_per_second.max), item.tokens_per_second.max, NULL), if(isFinite(item.tokens_per_second.first), item.tokens_per_second.first, NULL), if(isFinite(item.tokens_per_second.last), item.tokens_per_second.last, NULL)) AS tokens_per_second,
    (item.wes.n, if(isFinite(item.wes.mean), item.wes.mean, NULL), if(isFinite(item.wes.m2), item.wes.m2, NULL), if(isFinite(item.wes.min), item.wes.min, NULL), if(isFinite(item.wes.max), item.wes.max, NULL), if(isFinite(item.wes.first), item.wes.first, NULL), if(isFinite(item.wes.last), item.wes.last, NULL)) AS wes,
    if(isFinite(item.vram_bytes), item.vram_bytes, NULL) AS vram_bytes,
    if(isFinite(item.generation_tokens), item.generation_tokens, NULL) AS generation_tokens,
    item.quantization AS quantization,
    if(isFinite(item.parameters), item.parameters, NULL) AS parameters,
    if(isFinite(item.context_length), item.context_length, NULL) AS context_length
FROM $database.intake_node_pane
ARRAY JOIN models AS item;

ALTER TABLE $database.node_states_view $on_cluster MODIFY QUERY
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
    if(isFinite(conflicts_total), conflicts_total, NULL) AS conflicts_total,
    routing_hint,
    routing_hint_source
FROM $database.intake_node_state AS event;

ALTER TABLE $database.node_states_latest_view $on_cluster MODIFY QUERY
SELECT * FROM $database.node_states;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.suspect_panes_view $on_cluster TO $database.suspect_panes AS
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
    item.reading AS reading,
    item.why AS why,
    if(isFinite(item.value), item.value, NULL) AS value,
    if(isFinite(item.samples), item.samples, NULL) AS samples
FROM $database.intake_node_pane
ARRAY JOIN suspects AS item;

CREATE OR REPLACE VIEW $database.nodes $on_cluster AS
SELECT
    node_id,
    if(state.fleet = '', registration.fleet, state.fleet) AS fleet,
    hostname,
    os,
    arch,
    container,
    cpu_model,
    cpu_count,
    registration.memory_total_bytes AS memory_total_bytes,
    length(registration.gpus) AS gpu_count,
    arrayStringConcat(arrayDistinct(registration.gpus.name), ', ') AS gpu_names,
    arrayStringConcat(registration.runtimes.runtime_id, ', ') AS runtime_ids,
    tags,
    agent_version,
    registered_at,
    state_at,
    state.seen_at AS seen_at,
    stopped_at,
    inference_state,
    inference_reason,
    inference_since,
    thermal_state,
    thermal_reason,
    tokens_per_second,
    power_w,
    wes,
    wes_raw,
    thermal_penalty,
    idle_power_w,
    cpu_ratio,
    state.memory_available_bytes AS memory_available_bytes,
    clock_skew_s,
    routing_hint,
    routing_hint_source
FROM
(
    SELECT *, toNullable(occurred_at) AS registered_at
    FROM $database.node_registrations_latest FINAL
) AS registration
FULL OUTER JOIN
(
    SELECT *, toNullable(occurred_at) AS state_at, toNullable(arrived_at) AS seen_at
    FROM $database.node_states_latest FINAL
) AS state USING (node_id)
LEFT JOIN
(
    SELECT node_id, toNullable(max(occurred_at)) AS stopped_at
    FROM $database.node_stops
    GROUP BY node_id
) AS stop USING (node_id);
