-- An agent says what its node is and that it stops on two topics: nodes, which keeps the newest, and telemetry,
-- where stages find it in order with its samples. The tables take what comes on nodes.

ALTER TABLE $database.node_registrations_view $on_cluster MODIFY QUERY
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
FROM $database.intake_node_registered
WHERE endsWith(kafka_topic, 'nodes');

ALTER TABLE $database.node_stops_view $on_cluster MODIFY QUERY
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
FROM $database.intake_node_stopped
WHERE endsWith(kafka_topic, 'nodes');
