-- What people select from: the newest of each node, and rollups with their sums done.

CREATE TABLE IF NOT EXISTS $database.node_registrations_latest $on_cluster AS $database.node_registrations
ENGINE = ${replicated}ReplacingMergeTree(arrived_at)
ORDER BY node_id
SETTINGS $settings
COMMENT 'The newest row of each node; read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_registrations_latest_view $on_cluster TO $database.node_registrations_latest AS
SELECT * FROM $database.node_registrations;

CREATE TABLE IF NOT EXISTS $database.node_states_latest $on_cluster AS $database.node_states
ENGINE = ${replicated}ReplacingMergeTree(arrived_at)
ORDER BY node_id
SETTINGS $settings
COMMENT 'The newest row of each node; read it with FINAL.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.node_states_latest_view $on_cluster TO $database.node_states_latest AS
SELECT * FROM $database.node_states;

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
    clock_skew_s
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

CREATE OR REPLACE VIEW $database.gpus $on_cluster AS
SELECT fleet, node_id, occurred_at AS registered_at, gpu.*
FROM $database.node_registrations_latest FINAL
ARRAY JOIN gpus AS gpu;

CREATE OR REPLACE VIEW $database.runtimes $on_cluster AS
SELECT fleet, node_id, occurred_at AS registered_at, runtime.* EXCEPT (models), length(runtime.models) AS model_count
FROM $database.node_registrations_latest FINAL
ARRAY JOIN runtimes AS runtime;

CREATE OR REPLACE VIEW $database.available_models $on_cluster AS
SELECT fleet, node_id, occurred_at AS registered_at, model.1 AS runtime_id, model.2 AS kind, model.3.*
FROM $database.node_registrations_latest FINAL
ARRAY JOIN arrayFlatten(arrayMap(runtime -> arrayMap(model -> (runtime.runtime_id, runtime.kind, model), runtime.models), runtimes)) AS model;

CREATE OR REPLACE VIEW $database.nodes_1m $on_cluster AS
SELECT
    * EXCEPT (wes_zeros, wes_buckets, tokens_per_second_zeros, tokens_per_second_buckets, power_w_zeros, power_w_buckets),
    if(wes_zeros >= 0.50 * (wes_zeros + arraySum(wes_buckets.2)), if(wes_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + wes_zeros >= 0.50 * (wes_zeros + arraySum(wes_buckets.2)), wes_buckets.1, arrayCumSum(wes_buckets.2)) + 0.5) / 8)) AS wes_p50,
    if(wes_zeros >= 0.95 * (wes_zeros + arraySum(wes_buckets.2)), if(wes_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + wes_zeros >= 0.95 * (wes_zeros + arraySum(wes_buckets.2)), wes_buckets.1, arrayCumSum(wes_buckets.2)) + 0.5) / 8)) AS wes_p95,
    if(tokens_per_second_zeros >= 0.50 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), if(tokens_per_second_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + tokens_per_second_zeros >= 0.50 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), tokens_per_second_buckets.1, arrayCumSum(tokens_per_second_buckets.2)) + 0.5) / 8)) AS tokens_per_second_p50,
    if(tokens_per_second_zeros >= 0.95 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), if(tokens_per_second_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + tokens_per_second_zeros >= 0.95 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), tokens_per_second_buckets.1, arrayCumSum(tokens_per_second_buckets.2)) + 0.5) / 8)) AS tokens_per_second_p95,
    if(power_w_zeros >= 0.50 * (power_w_zeros + arraySum(power_w_buckets.2)), if(power_w_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + power_w_zeros >= 0.50 * (power_w_zeros + arraySum(power_w_buckets.2)), power_w_buckets.1, arrayCumSum(power_w_buckets.2)) + 0.5) / 8)) AS power_w_p50,
    if(power_w_zeros >= 0.95 * (power_w_zeros + arraySum(power_w_buckets.2)), if(power_w_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + power_w_zeros >= 0.95 * (power_w_zeros + arraySum(power_w_buckets.2)), power_w_buckets.1, arrayCumSum(power_w_buckets.2)) + 0.5) / 8)) AS power_w_p95
FROM
(
    SELECT
        fleet,
        node_id,
        started_at,
        sum(part.samples) AS samples,
        sum(part.expected) AS expected,
        sum(part.duplicates) AS duplicates,
        sum(part.missing) AS missing,
        sum(part.late) AS late,
        sum(part.spooled) AS spooled,
        sum(part.inference_unknown) AS inference_unknown,
        sum(part.inference_idle) AS inference_idle,
        sum(part.inference_idle_spd) AS inference_idle_spd,
        sum(part.inference_busy) AS inference_busy,
        sum(part.inference_live) AS inference_live,
        sum(part.thermal_unknown) AS thermal_unknown,
        sum(part.thermal_normal) AS thermal_normal,
        sum(part.thermal_fair) AS thermal_fair,
        sum(part.thermal_serious) AS thermal_serious,
        sum(part.thermal_critical) AS thermal_critical,
        max(part.delay_max_s) AS delay_max_s,
        sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
        min(part.tokens_per_second_min) AS tokens_per_second_min,
        max(part.tokens_per_second_max) AS tokens_per_second_max,
        sum(part.power_w_sum) / nullIf(sum(part.power_w_n), 0) AS power_w_mean,
        min(part.power_w_min) AS power_w_min,
        max(part.power_w_max) AS power_w_max,
        sum(part.wes_sum) / nullIf(sum(part.wes_n), 0) AS wes_mean,
        min(part.wes_min) AS wes_min,
        max(part.wes_max) AS wes_max,
        sum(part.thermal_penalty_sum) / nullIf(sum(part.thermal_penalty_n), 0) AS thermal_penalty_mean,
        min(part.thermal_penalty_min) AS thermal_penalty_min,
        max(part.thermal_penalty_max) AS thermal_penalty_max,
        sum(part.cpu_ratio_agent_sum) / nullIf(sum(part.cpu_ratio_agent_n), 0) AS cpu_ratio_agent_mean,
        min(part.cpu_ratio_agent_min) AS cpu_ratio_agent_min,
        max(part.cpu_ratio_agent_max) AS cpu_ratio_agent_max,
        sum(part.lateness_s_sum) / nullIf(sum(part.lateness_s_n), 0) AS lateness_s_mean,
        min(part.lateness_s_min) AS lateness_s_min,
        max(part.lateness_s_max) AS lateness_s_max,
        sum(part.cpu_ratio_sum) / nullIf(sum(part.cpu_ratio_n), 0) AS cpu_ratio_mean,
        min(part.cpu_ratio_min) AS cpu_ratio_min,
        max(part.cpu_ratio_max) AS cpu_ratio_max,
        sum(part.load_1m_sum) / nullIf(sum(part.load_1m_n), 0) AS load_1m_mean,
        min(part.load_1m_min) AS load_1m_min,
        max(part.load_1m_max) AS load_1m_max,
        sum(part.memory_used_bytes_sum) / nullIf(sum(part.memory_used_bytes_n), 0) AS memory_used_bytes_mean,
        min(part.memory_used_bytes_min) AS memory_used_bytes_min,
        max(part.memory_used_bytes_max) AS memory_used_bytes_max,
        sum(part.memory_available_bytes_sum) / nullIf(sum(part.memory_available_bytes_n), 0) AS memory_available_bytes_mean,
        min(part.memory_available_bytes_min) AS memory_available_bytes_min,
        max(part.memory_available_bytes_max) AS memory_available_bytes_max,
        sum(part.swap_used_bytes_sum) / nullIf(sum(part.swap_used_bytes_n), 0) AS swap_used_bytes_mean,
        min(part.swap_used_bytes_min) AS swap_used_bytes_min,
        max(part.swap_used_bytes_max) AS swap_used_bytes_max,
        sum(part.swap_out_bytes_per_s_sum) / nullIf(sum(part.swap_out_bytes_per_s_n), 0) AS swap_out_bytes_per_s_mean,
        min(part.swap_out_bytes_per_s_min) AS swap_out_bytes_per_s_min,
        max(part.swap_out_bytes_per_s_max) AS swap_out_bytes_per_s_max,
        sum(part.memory_pressure_ratio_sum) / nullIf(sum(part.memory_pressure_ratio_n), 0) AS memory_pressure_ratio_mean,
        min(part.memory_pressure_ratio_min) AS memory_pressure_ratio_min,
        max(part.memory_pressure_ratio_max) AS memory_pressure_ratio_max,
        sum(part.io_pressure_ratio_sum) / nullIf(sum(part.io_pressure_ratio_n), 0) AS io_pressure_ratio_mean,
        min(part.io_pressure_ratio_min) AS io_pressure_ratio_min,
        max(part.io_pressure_ratio_max) AS io_pressure_ratio_max,
        sum(part.disk_free_bytes_sum) / nullIf(sum(part.disk_free_bytes_n), 0) AS disk_free_bytes_mean,
        min(part.disk_free_bytes_min) AS disk_free_bytes_min,
        max(part.disk_free_bytes_max) AS disk_free_bytes_max,
        sum(part.disk_write_bytes_per_s_sum) / nullIf(sum(part.disk_write_bytes_per_s_n), 0) AS disk_write_bytes_per_s_mean,
        min(part.disk_write_bytes_per_s_min) AS disk_write_bytes_per_s_min,
        max(part.disk_write_bytes_per_s_max) AS disk_write_bytes_per_s_max,
        sum(part.network_receive_bytes_per_s_sum) / nullIf(sum(part.network_receive_bytes_per_s_n), 0) AS network_receive_bytes_per_s_mean,
        min(part.network_receive_bytes_per_s_min) AS network_receive_bytes_per_s_min,
        max(part.network_receive_bytes_per_s_max) AS network_receive_bytes_per_s_max,
        sum(part.network_transmit_bytes_per_s_sum) / nullIf(sum(part.network_transmit_bytes_per_s_n), 0) AS network_transmit_bytes_per_s_mean,
        min(part.network_transmit_bytes_per_s_min) AS network_transmit_bytes_per_s_min,
        max(part.network_transmit_bytes_per_s_max) AS network_transmit_bytes_per_s_max,
        sum(part.cpu_temperature_c_sum) / nullIf(sum(part.cpu_temperature_c_n), 0) AS cpu_temperature_c_mean,
        min(part.cpu_temperature_c_min) AS cpu_temperature_c_min,
        max(part.cpu_temperature_c_max) AS cpu_temperature_c_max,
        sum(part.cpu_clock_ratio_sum) / nullIf(sum(part.cpu_clock_ratio_n), 0) AS cpu_clock_ratio_mean,
        min(part.cpu_clock_ratio_min) AS cpu_clock_ratio_min,
        max(part.cpu_clock_ratio_max) AS cpu_clock_ratio_max,
        sum(part.cpu_power_w_sum) / nullIf(sum(part.cpu_power_w_n), 0) AS cpu_power_w_mean,
        min(part.cpu_power_w_min) AS cpu_power_w_min,
        max(part.cpu_power_w_max) AS cpu_power_w_max,
        sum(part.soc_power_w_sum) / nullIf(sum(part.soc_power_w_n), 0) AS soc_power_w_mean,
        min(part.soc_power_w_min) AS soc_power_w_min,
        max(part.soc_power_w_max) AS soc_power_w_max,
        sum(part.clock_offset_s_sum) / nullIf(sum(part.clock_offset_s_n), 0) AS clock_offset_s_mean,
        min(part.clock_offset_s_min) AS clock_offset_s_min,
        max(part.clock_offset_s_max) AS clock_offset_s_max,
        sum(part.wes_zeros) AS wes_zeros,
        sumMap(part.wes_buckets.1, part.wes_buckets.2) AS wes_buckets,
        sum(part.tokens_per_second_zeros) AS tokens_per_second_zeros,
        sumMap(part.tokens_per_second_buckets.1, part.tokens_per_second_buckets.2) AS tokens_per_second_buckets,
        sum(part.power_w_zeros) AS power_w_zeros,
        sumMap(part.power_w_buckets.1, part.power_w_buckets.2) AS power_w_buckets
    FROM $database.node_rollup_1m AS part
    GROUP BY fleet, node_id, started_at
);

CREATE OR REPLACE VIEW $database.nodes_1h $on_cluster AS
SELECT
    * EXCEPT (wes_zeros, wes_buckets, tokens_per_second_zeros, tokens_per_second_buckets, power_w_zeros, power_w_buckets),
    if(wes_zeros >= 0.50 * (wes_zeros + arraySum(wes_buckets.2)), if(wes_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + wes_zeros >= 0.50 * (wes_zeros + arraySum(wes_buckets.2)), wes_buckets.1, arrayCumSum(wes_buckets.2)) + 0.5) / 8)) AS wes_p50,
    if(wes_zeros >= 0.95 * (wes_zeros + arraySum(wes_buckets.2)), if(wes_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + wes_zeros >= 0.95 * (wes_zeros + arraySum(wes_buckets.2)), wes_buckets.1, arrayCumSum(wes_buckets.2)) + 0.5) / 8)) AS wes_p95,
    if(tokens_per_second_zeros >= 0.50 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), if(tokens_per_second_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + tokens_per_second_zeros >= 0.50 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), tokens_per_second_buckets.1, arrayCumSum(tokens_per_second_buckets.2)) + 0.5) / 8)) AS tokens_per_second_p50,
    if(tokens_per_second_zeros >= 0.95 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), if(tokens_per_second_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + tokens_per_second_zeros >= 0.95 * (tokens_per_second_zeros + arraySum(tokens_per_second_buckets.2)), tokens_per_second_buckets.1, arrayCumSum(tokens_per_second_buckets.2)) + 0.5) / 8)) AS tokens_per_second_p95,
    if(power_w_zeros >= 0.50 * (power_w_zeros + arraySum(power_w_buckets.2)), if(power_w_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + power_w_zeros >= 0.50 * (power_w_zeros + arraySum(power_w_buckets.2)), power_w_buckets.1, arrayCumSum(power_w_buckets.2)) + 0.5) / 8)) AS power_w_p50,
    if(power_w_zeros >= 0.95 * (power_w_zeros + arraySum(power_w_buckets.2)), if(power_w_zeros > 0, 0, NULL), exp2((arrayFirst((bucket, upto) -> upto + power_w_zeros >= 0.95 * (power_w_zeros + arraySum(power_w_buckets.2)), power_w_buckets.1, arrayCumSum(power_w_buckets.2)) + 0.5) / 8)) AS power_w_p95
FROM
(
    SELECT
        fleet,
        node_id,
        started_at,
        sum(part.samples) AS samples,
        sum(part.expected) AS expected,
        sum(part.duplicates) AS duplicates,
        sum(part.missing) AS missing,
        sum(part.late) AS late,
        sum(part.spooled) AS spooled,
        sum(part.inference_unknown) AS inference_unknown,
        sum(part.inference_idle) AS inference_idle,
        sum(part.inference_idle_spd) AS inference_idle_spd,
        sum(part.inference_busy) AS inference_busy,
        sum(part.inference_live) AS inference_live,
        sum(part.thermal_unknown) AS thermal_unknown,
        sum(part.thermal_normal) AS thermal_normal,
        sum(part.thermal_fair) AS thermal_fair,
        sum(part.thermal_serious) AS thermal_serious,
        sum(part.thermal_critical) AS thermal_critical,
        max(part.delay_max_s) AS delay_max_s,
        sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
        min(part.tokens_per_second_min) AS tokens_per_second_min,
        max(part.tokens_per_second_max) AS tokens_per_second_max,
        sum(part.power_w_sum) / nullIf(sum(part.power_w_n), 0) AS power_w_mean,
        min(part.power_w_min) AS power_w_min,
        max(part.power_w_max) AS power_w_max,
        sum(part.wes_sum) / nullIf(sum(part.wes_n), 0) AS wes_mean,
        min(part.wes_min) AS wes_min,
        max(part.wes_max) AS wes_max,
        sum(part.thermal_penalty_sum) / nullIf(sum(part.thermal_penalty_n), 0) AS thermal_penalty_mean,
        min(part.thermal_penalty_min) AS thermal_penalty_min,
        max(part.thermal_penalty_max) AS thermal_penalty_max,
        sum(part.cpu_ratio_agent_sum) / nullIf(sum(part.cpu_ratio_agent_n), 0) AS cpu_ratio_agent_mean,
        min(part.cpu_ratio_agent_min) AS cpu_ratio_agent_min,
        max(part.cpu_ratio_agent_max) AS cpu_ratio_agent_max,
        sum(part.lateness_s_sum) / nullIf(sum(part.lateness_s_n), 0) AS lateness_s_mean,
        min(part.lateness_s_min) AS lateness_s_min,
        max(part.lateness_s_max) AS lateness_s_max,
        sum(part.cpu_ratio_sum) / nullIf(sum(part.cpu_ratio_n), 0) AS cpu_ratio_mean,
        min(part.cpu_ratio_min) AS cpu_ratio_min,
        max(part.cpu_ratio_max) AS cpu_ratio_max,
        sum(part.load_1m_sum) / nullIf(sum(part.load_1m_n), 0) AS load_1m_mean,
        min(part.load_1m_min) AS load_1m_min,
        max(part.load_1m_max) AS load_1m_max,
        sum(part.memory_used_bytes_sum) / nullIf(sum(part.memory_used_bytes_n), 0) AS memory_used_bytes_mean,
        min(part.memory_used_bytes_min) AS memory_used_bytes_min,
        max(part.memory_used_bytes_max) AS memory_used_bytes_max,
        sum(part.memory_available_bytes_sum) / nullIf(sum(part.memory_available_bytes_n), 0) AS memory_available_bytes_mean,
        min(part.memory_available_bytes_min) AS memory_available_bytes_min,
        max(part.memory_available_bytes_max) AS memory_available_bytes_max,
        sum(part.swap_used_bytes_sum) / nullIf(sum(part.swap_used_bytes_n), 0) AS swap_used_bytes_mean,
        min(part.swap_used_bytes_min) AS swap_used_bytes_min,
        max(part.swap_used_bytes_max) AS swap_used_bytes_max,
        sum(part.swap_out_bytes_per_s_sum) / nullIf(sum(part.swap_out_bytes_per_s_n), 0) AS swap_out_bytes_per_s_mean,
        min(part.swap_out_bytes_per_s_min) AS swap_out_bytes_per_s_min,
        max(part.swap_out_bytes_per_s_max) AS swap_out_bytes_per_s_max,
        sum(part.memory_pressure_ratio_sum) / nullIf(sum(part.memory_pressure_ratio_n), 0) AS memory_pressure_ratio_mean,
        min(part.memory_pressure_ratio_min) AS memory_pressure_ratio_min,
        max(part.memory_pressure_ratio_max) AS memory_pressure_ratio_max,
        sum(part.io_pressure_ratio_sum) / nullIf(sum(part.io_pressure_ratio_n), 0) AS io_pressure_ratio_mean,
        min(part.io_pressure_ratio_min) AS io_pressure_ratio_min,
        max(part.io_pressure_ratio_max) AS io_pressure_ratio_max,
        sum(part.disk_free_bytes_sum) / nullIf(sum(part.disk_free_bytes_n), 0) AS disk_free_bytes_mean,
        min(part.disk_free_bytes_min) AS disk_free_bytes_min,
        max(part.disk_free_bytes_max) AS disk_free_bytes_max,
        sum(part.disk_write_bytes_per_s_sum) / nullIf(sum(part.disk_write_bytes_per_s_n), 0) AS disk_write_bytes_per_s_mean,
        min(part.disk_write_bytes_per_s_min) AS disk_write_bytes_per_s_min,
        max(part.disk_write_bytes_per_s_max) AS disk_write_bytes_per_s_max,
        sum(part.network_receive_bytes_per_s_sum) / nullIf(sum(part.network_receive_bytes_per_s_n), 0) AS network_receive_bytes_per_s_mean,
        min(part.network_receive_bytes_per_s_min) AS network_receive_bytes_per_s_min,
        max(part.network_receive_bytes_per_s_max) AS network_receive_bytes_per_s_max,
        sum(part.network_transmit_bytes_per_s_sum) / nullIf(sum(part.network_transmit_bytes_per_s_n), 0) AS network_transmit_bytes_per_s_mean,
        min(part.network_transmit_bytes_per_s_min) AS network_transmit_bytes_per_s_min,
        max(part.network_transmit_bytes_per_s_max) AS network_transmit_bytes_per_s_max,
        sum(part.cpu_temperature_c_sum) / nullIf(sum(part.cpu_temperature_c_n), 0) AS cpu_temperature_c_mean,
        min(part.cpu_temperature_c_min) AS cpu_temperature_c_min,
        max(part.cpu_temperature_c_max) AS cpu_temperature_c_max,
        sum(part.cpu_clock_ratio_sum) / nullIf(sum(part.cpu_clock_ratio_n), 0) AS cpu_clock_ratio_mean,
        min(part.cpu_clock_ratio_min) AS cpu_clock_ratio_min,
        max(part.cpu_clock_ratio_max) AS cpu_clock_ratio_max,
        sum(part.cpu_power_w_sum) / nullIf(sum(part.cpu_power_w_n), 0) AS cpu_power_w_mean,
        min(part.cpu_power_w_min) AS cpu_power_w_min,
        max(part.cpu_power_w_max) AS cpu_power_w_max,
        sum(part.soc_power_w_sum) / nullIf(sum(part.soc_power_w_n), 0) AS soc_power_w_mean,
        min(part.soc_power_w_min) AS soc_power_w_min,
        max(part.soc_power_w_max) AS soc_power_w_max,
        sum(part.clock_offset_s_sum) / nullIf(sum(part.clock_offset_s_n), 0) AS clock_offset_s_mean,
        min(part.clock_offset_s_min) AS clock_offset_s_min,
        max(part.clock_offset_s_max) AS clock_offset_s_max,
        sum(part.wes_zeros) AS wes_zeros,
        sumMap(part.wes_buckets.1, part.wes_buckets.2) AS wes_buckets,
        sum(part.tokens_per_second_zeros) AS tokens_per_second_zeros,
        sumMap(part.tokens_per_second_buckets.1, part.tokens_per_second_buckets.2) AS tokens_per_second_buckets,
        sum(part.power_w_zeros) AS power_w_zeros,
        sumMap(part.power_w_buckets.1, part.power_w_buckets.2) AS power_w_buckets
    FROM $database.node_rollup_1h AS part
    GROUP BY fleet, node_id, started_at
);

CREATE OR REPLACE VIEW $database.gpus_1m $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    gpu_id,
    sum(part.samples) AS samples,
    sum(part.lost) AS lost,
    sum(part.active) AS active,
    sum(part.throttled_power) AS throttled_power,
    sum(part.throttled_thermal) AS throttled_thermal,
    sum(part.throttled_hardware) AS throttled_hardware,
    sum(part.thermal_unknown) AS thermal_unknown,
    sum(part.thermal_normal) AS thermal_normal,
    sum(part.thermal_fair) AS thermal_fair,
    sum(part.thermal_serious) AS thermal_serious,
    sum(part.thermal_critical) AS thermal_critical,
    max(part.memory_total_bytes) AS memory_total_bytes,
    max(part.power_limit_w) AS power_limit_w,
    max(part.temperature_slowdown_c) AS temperature_slowdown_c,
    sum(part.utilization_ratio_sum) / nullIf(sum(part.utilization_ratio_n), 0) AS utilization_ratio_mean,
    min(part.utilization_ratio_min) AS utilization_ratio_min,
    max(part.utilization_ratio_max) AS utilization_ratio_max,
    sum(part.memory_utilization_ratio_sum) / nullIf(sum(part.memory_utilization_ratio_n), 0) AS memory_utilization_ratio_mean,
    min(part.memory_utilization_ratio_min) AS memory_utilization_ratio_min,
    max(part.memory_utilization_ratio_max) AS memory_utilization_ratio_max,
    sum(part.memory_used_bytes_sum) / nullIf(sum(part.memory_used_bytes_n), 0) AS memory_used_bytes_mean,
    min(part.memory_used_bytes_min) AS memory_used_bytes_min,
    max(part.memory_used_bytes_max) AS memory_used_bytes_max,
    sum(part.temperature_c_sum) / nullIf(sum(part.temperature_c_n), 0) AS temperature_c_mean,
    min(part.temperature_c_min) AS temperature_c_min,
    max(part.temperature_c_max) AS temperature_c_max,
    sum(part.memory_temperature_c_sum) / nullIf(sum(part.memory_temperature_c_n), 0) AS memory_temperature_c_mean,
    min(part.memory_temperature_c_min) AS memory_temperature_c_min,
    max(part.memory_temperature_c_max) AS memory_temperature_c_max,
    sum(part.power_w_sum) / nullIf(sum(part.power_w_n), 0) AS power_w_mean,
    min(part.power_w_min) AS power_w_min,
    max(part.power_w_max) AS power_w_max,
    sum(part.energy_j_sum) / nullIf(sum(part.energy_j_n), 0) AS energy_j_mean,
    min(part.energy_j_min) AS energy_j_min,
    max(part.energy_j_max) AS energy_j_max,
    sum(part.sm_clock_mhz_sum) / nullIf(sum(part.sm_clock_mhz_n), 0) AS sm_clock_mhz_mean,
    min(part.sm_clock_mhz_min) AS sm_clock_mhz_min,
    max(part.sm_clock_mhz_max) AS sm_clock_mhz_max,
    sum(part.fan_ratio_sum) / nullIf(sum(part.fan_ratio_n), 0) AS fan_ratio_mean,
    min(part.fan_ratio_min) AS fan_ratio_min,
    max(part.fan_ratio_max) AS fan_ratio_max,
    max(part.energy_j_max) - min(part.energy_j_min) AS energy_used_j
FROM $database.gpu_rollup_1m AS part
GROUP BY fleet, node_id, started_at, gpu_id;

CREATE OR REPLACE VIEW $database.gpus_1h $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    gpu_id,
    sum(part.samples) AS samples,
    sum(part.lost) AS lost,
    sum(part.active) AS active,
    sum(part.throttled_power) AS throttled_power,
    sum(part.throttled_thermal) AS throttled_thermal,
    sum(part.throttled_hardware) AS throttled_hardware,
    sum(part.thermal_unknown) AS thermal_unknown,
    sum(part.thermal_normal) AS thermal_normal,
    sum(part.thermal_fair) AS thermal_fair,
    sum(part.thermal_serious) AS thermal_serious,
    sum(part.thermal_critical) AS thermal_critical,
    max(part.memory_total_bytes) AS memory_total_bytes,
    max(part.power_limit_w) AS power_limit_w,
    max(part.temperature_slowdown_c) AS temperature_slowdown_c,
    sum(part.utilization_ratio_sum) / nullIf(sum(part.utilization_ratio_n), 0) AS utilization_ratio_mean,
    min(part.utilization_ratio_min) AS utilization_ratio_min,
    max(part.utilization_ratio_max) AS utilization_ratio_max,
    sum(part.memory_utilization_ratio_sum) / nullIf(sum(part.memory_utilization_ratio_n), 0) AS memory_utilization_ratio_mean,
    min(part.memory_utilization_ratio_min) AS memory_utilization_ratio_min,
    max(part.memory_utilization_ratio_max) AS memory_utilization_ratio_max,
    sum(part.memory_used_bytes_sum) / nullIf(sum(part.memory_used_bytes_n), 0) AS memory_used_bytes_mean,
    min(part.memory_used_bytes_min) AS memory_used_bytes_min,
    max(part.memory_used_bytes_max) AS memory_used_bytes_max,
    sum(part.temperature_c_sum) / nullIf(sum(part.temperature_c_n), 0) AS temperature_c_mean,
    min(part.temperature_c_min) AS temperature_c_min,
    max(part.temperature_c_max) AS temperature_c_max,
    sum(part.memory_temperature_c_sum) / nullIf(sum(part.memory_temperature_c_n), 0) AS memory_temperature_c_mean,
    min(part.memory_temperature_c_min) AS memory_temperature_c_min,
    max(part.memory_temperature_c_max) AS memory_temperature_c_max,
    sum(part.power_w_sum) / nullIf(sum(part.power_w_n), 0) AS power_w_mean,
    min(part.power_w_min) AS power_w_min,
    max(part.power_w_max) AS power_w_max,
    sum(part.energy_j_sum) / nullIf(sum(part.energy_j_n), 0) AS energy_j_mean,
    min(part.energy_j_min) AS energy_j_min,
    max(part.energy_j_max) AS energy_j_max,
    sum(part.sm_clock_mhz_sum) / nullIf(sum(part.sm_clock_mhz_n), 0) AS sm_clock_mhz_mean,
    min(part.sm_clock_mhz_min) AS sm_clock_mhz_min,
    max(part.sm_clock_mhz_max) AS sm_clock_mhz_max,
    sum(part.fan_ratio_sum) / nullIf(sum(part.fan_ratio_n), 0) AS fan_ratio_mean,
    min(part.fan_ratio_min) AS fan_ratio_min,
    max(part.fan_ratio_max) AS fan_ratio_max,
    max(part.energy_j_max) - min(part.energy_j_min) AS energy_used_j
FROM $database.gpu_rollup_1h AS part
GROUP BY fleet, node_id, started_at, gpu_id;

CREATE OR REPLACE VIEW $database.runtimes_1m $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    runtime_id,
    kind,
    sum(part.samples) AS samples,
    sum(part.up) AS up,
    sum(part.interval_s) AS interval_s,
    sum(part.prompt_tokens) AS prompt_tokens,
    sum(part.generation_tokens) AS generation_tokens,
    sum(part.cached_prompt_tokens) AS cached_prompt_tokens,
    sum(part.requests_finished) AS requests_finished,
    sum(part.requests_failed) AS requests_failed,
    sum(part.preemptions) AS preemptions,
    sum(part.ttft_sum_s) AS ttft_sum_s,
    sum(part.ttft_count) AS ttft_count,
    sum(part.e2e_sum_s) AS e2e_sum_s,
    sum(part.e2e_count) AS e2e_count,
    sum(part.queue_sum_s) AS queue_sum_s,
    sum(part.queue_count) AS queue_count,
    max(part.slots) AS slots,
    sum(part.requests_running_sum) / nullIf(sum(part.requests_running_n), 0) AS requests_running_mean,
    min(part.requests_running_min) AS requests_running_min,
    max(part.requests_running_max) AS requests_running_max,
    sum(part.requests_waiting_sum) / nullIf(sum(part.requests_waiting_n), 0) AS requests_waiting_mean,
    min(part.requests_waiting_min) AS requests_waiting_min,
    max(part.requests_waiting_max) AS requests_waiting_max,
    sum(part.kv_cache_ratio_sum) / nullIf(sum(part.kv_cache_ratio_n), 0) AS kv_cache_ratio_mean,
    min(part.kv_cache_ratio_min) AS kv_cache_ratio_min,
    max(part.kv_cache_ratio_max) AS kv_cache_ratio_max,
    sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
    min(part.tokens_per_second_min) AS tokens_per_second_min,
    max(part.tokens_per_second_max) AS tokens_per_second_max,
    sum(part.generation_tokens) / nullIf(sum(part.interval_s), 0) AS generation_tokens_per_second,
    sum(part.ttft_sum_s) / nullIf(sum(part.ttft_count), 0) AS ttft_mean_s,
    sum(part.e2e_sum_s) / nullIf(sum(part.e2e_count), 0) AS e2e_mean_s,
    sum(part.queue_sum_s) / nullIf(sum(part.queue_count), 0) AS queue_mean_s
FROM $database.runtime_rollup_1m AS part
GROUP BY fleet, node_id, started_at, runtime_id, kind;

CREATE OR REPLACE VIEW $database.runtimes_1h $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    runtime_id,
    kind,
    sum(part.samples) AS samples,
    sum(part.up) AS up,
    sum(part.interval_s) AS interval_s,
    sum(part.prompt_tokens) AS prompt_tokens,
    sum(part.generation_tokens) AS generation_tokens,
    sum(part.cached_prompt_tokens) AS cached_prompt_tokens,
    sum(part.requests_finished) AS requests_finished,
    sum(part.requests_failed) AS requests_failed,
    sum(part.preemptions) AS preemptions,
    sum(part.ttft_sum_s) AS ttft_sum_s,
    sum(part.ttft_count) AS ttft_count,
    sum(part.e2e_sum_s) AS e2e_sum_s,
    sum(part.e2e_count) AS e2e_count,
    sum(part.queue_sum_s) AS queue_sum_s,
    sum(part.queue_count) AS queue_count,
    max(part.slots) AS slots,
    sum(part.requests_running_sum) / nullIf(sum(part.requests_running_n), 0) AS requests_running_mean,
    min(part.requests_running_min) AS requests_running_min,
    max(part.requests_running_max) AS requests_running_max,
    sum(part.requests_waiting_sum) / nullIf(sum(part.requests_waiting_n), 0) AS requests_waiting_mean,
    min(part.requests_waiting_min) AS requests_waiting_min,
    max(part.requests_waiting_max) AS requests_waiting_max,
    sum(part.kv_cache_ratio_sum) / nullIf(sum(part.kv_cache_ratio_n), 0) AS kv_cache_ratio_mean,
    min(part.kv_cache_ratio_min) AS kv_cache_ratio_min,
    max(part.kv_cache_ratio_max) AS kv_cache_ratio_max,
    sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
    min(part.tokens_per_second_min) AS tokens_per_second_min,
    max(part.tokens_per_second_max) AS tokens_per_second_max,
    sum(part.generation_tokens) / nullIf(sum(part.interval_s), 0) AS generation_tokens_per_second,
    sum(part.ttft_sum_s) / nullIf(sum(part.ttft_count), 0) AS ttft_mean_s,
    sum(part.e2e_sum_s) / nullIf(sum(part.e2e_count), 0) AS e2e_mean_s,
    sum(part.queue_sum_s) / nullIf(sum(part.queue_count), 0) AS queue_mean_s
FROM $database.runtime_rollup_1h AS part
GROUP BY fleet, node_id, started_at, runtime_id, kind;

CREATE OR REPLACE VIEW $database.models_1m $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    runtime_id,
    name,
    sum(part.generation_tokens) AS generation_tokens,
    max(part.vram_bytes) AS vram_bytes,
    sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
    min(part.tokens_per_second_min) AS tokens_per_second_min,
    max(part.tokens_per_second_max) AS tokens_per_second_max,
    sum(part.wes_sum) / nullIf(sum(part.wes_n), 0) AS wes_mean,
    min(part.wes_min) AS wes_min,
    max(part.wes_max) AS wes_max
FROM $database.model_rollup_1m AS part
GROUP BY fleet, node_id, started_at, runtime_id, name;

CREATE OR REPLACE VIEW $database.models_1h $on_cluster AS
SELECT
    fleet,
    node_id,
    started_at,
    runtime_id,
    name,
    sum(part.generation_tokens) AS generation_tokens,
    max(part.vram_bytes) AS vram_bytes,
    sum(part.tokens_per_second_sum) / nullIf(sum(part.tokens_per_second_n), 0) AS tokens_per_second_mean,
    min(part.tokens_per_second_min) AS tokens_per_second_min,
    max(part.tokens_per_second_max) AS tokens_per_second_max,
    sum(part.wes_sum) / nullIf(sum(part.wes_n), 0) AS wes_mean,
    min(part.wes_min) AS wes_min,
    max(part.wes_max) AS wes_max
FROM $database.model_rollup_1h AS part
GROUP BY fleet, node_id, started_at, runtime_id, name;
