-- The facts of requests, each in a table of its own. A router sends again what Kafka did not acknowledge, so
-- a fact may come twice; rows of one request and fact are one after merges.

CREATE TABLE IF NOT EXISTS $database.intake_request_received $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    request_id String,
    fleet LowCardinality(String),
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    dialect LowCardinality(String),
    path LowCardinality(String),
    model LowCardinality(String),
    fallbacks Array(String),
    key LowCardinality(String),
    workload LowCardinality(String),
    session String,
    tags Map(String, String),
    stream Bool,
    priority Int64,
    prompt_tokens_estimate Float64,
    max_tokens Float64,
    body_bytes Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_request_received $on_cluster AS $database.intake_request_received
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.requests_received $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    dialect LowCardinality(String),
    path LowCardinality(String),
    model LowCardinality(String),
    fallbacks Array(LowCardinality(String)),
    key LowCardinality(String),
    workload LowCardinality(String),
    session String,
    tags Map(String, String),
    stream Bool,
    priority Int64,
    prompt_tokens_estimate Nullable(Float64),
    max_tokens Nullable(Float64),
    body_bytes Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, occurred_at)
ORDER BY (fleet, occurred_at, request_id)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'What callers asked for; no prompts.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.requests_received_view $on_cluster TO $database.requests_received AS
SELECT
    fleet,
    request_id,
    router_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    dialect,
    path,
    model,
    fallbacks,
    key,
    workload,
    session,
    tags,
    stream,
    priority,
    if(isFinite(prompt_tokens_estimate), prompt_tokens_estimate, NULL) AS prompt_tokens_estimate,
    if(isFinite(max_tokens), max_tokens, NULL) AS max_tokens,
    if(isFinite(body_bytes), body_bytes, NULL) AS body_bytes
FROM $database.intake_request_received;

CREATE TABLE IF NOT EXISTS $database.intake_request_admitted $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    request_id String,
    fleet LowCardinality(String),
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    model LowCardinality(String),
    pool LowCardinality(String),
    wait_reason LowCardinality(String),
    queue_wait_s Float64,
    queue_depth Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_request_admitted $on_cluster AS $database.intake_request_admitted
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.requests_admitted $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    model LowCardinality(String),
    pool LowCardinality(String),
    wait_reason LowCardinality(String),
    queue_wait_s Nullable(Float64),
    queue_depth Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, occurred_at)
ORDER BY (fleet, occurred_at, request_id)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'When the queue let a request go, and what it had waited for.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.requests_admitted_view $on_cluster TO $database.requests_admitted AS
SELECT
    fleet,
    request_id,
    router_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    model,
    pool,
    wait_reason,
    if(isFinite(queue_wait_s), queue_wait_s, NULL) AS queue_wait_s,
    if(isFinite(queue_depth), queue_depth, NULL) AS queue_depth
FROM $database.intake_request_admitted;

CREATE TABLE IF NOT EXISTS $database.intake_request_routed $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    request_id String,
    fleet LowCardinality(String),
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    attempt Int64,
    node_id LowCardinality(String),
    previous_node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    served_model LowCardinality(String),
    reason LowCardinality(String),
    policy LowCardinality(String),
    policy_version LowCardinality(String),
    propensity Float64,
    score Float64,
    shadow_policy LowCardinality(String),
    shadow_node_id LowCardinality(String),
    candidates Array(Tuple(node_id String, runtime_id String, model String, excluded String, score Float64, estimate_s Float64, signals Array(Tuple(name String, value Float64, score Float64, age_s Float64)))),
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_request_routed $on_cluster AS $database.intake_request_routed
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.requests_routed $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    attempt Int64,
    node_id LowCardinality(String),
    previous_node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    served_model LowCardinality(String),
    reason LowCardinality(String),
    policy LowCardinality(String),
    policy_version LowCardinality(String),
    propensity Nullable(Float64),
    score Nullable(Float64),
    shadow_policy LowCardinality(String),
    shadow_node_id LowCardinality(String),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, occurred_at)
ORDER BY (fleet, occurred_at, request_id, attempt)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'Where each attempt of a request went, and why.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.requests_routed_view $on_cluster TO $database.requests_routed AS
SELECT
    fleet,
    request_id,
    router_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    attempt,
    node_id,
    previous_node_id,
    runtime_id,
    model,
    served_model,
    reason,
    policy,
    policy_version,
    if(isFinite(propensity), propensity, NULL) AS propensity,
    if(isFinite(score), score, NULL) AS score,
    shadow_policy,
    shadow_node_id
FROM $database.intake_request_routed;

CREATE TABLE IF NOT EXISTS $database.request_candidates $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    attempt Int64,
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    chosen_node_id LowCardinality(String),
    chosen_runtime_id LowCardinality(String),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    excluded LowCardinality(String),
    score Nullable(Float64),
    estimate_s Nullable(Float64),
    signals Array(Tuple(name LowCardinality(String), value Nullable(Float64), score Nullable(Float64), age_s Nullable(Float64))),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, occurred_at)
ORDER BY (fleet, occurred_at, request_id, attempt, node_id, runtime_id, model)
TTL toDateTime(arrived_at) + INTERVAL $samples_ttl_days DAY
SETTINGS $settings
COMMENT 'One row a place that an attempt could have gone to, with what its score is made of.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_candidates_view $on_cluster TO $database.request_candidates AS
SELECT
    event.fleet AS fleet,
    event.request_id AS request_id,
    event.attempt AS attempt,
    event.occurred_at AS occurred_at,
    event.node_id AS chosen_node_id,
    event.runtime_id AS chosen_runtime_id,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    item.node_id AS node_id,
    item.runtime_id AS runtime_id,
    item.model AS model,
    item.excluded AS excluded,
    if(isFinite(item.score), item.score, NULL) AS score,
    if(isFinite(item.estimate_s), item.estimate_s, NULL) AS estimate_s,
    arrayMap(s -> (s.name, if(isFinite(s.value), s.value, NULL), if(isFinite(s.score), s.score, NULL), if(isFinite(s.age_s), s.age_s, NULL)), item.signals) AS signals
FROM $database.intake_request_routed AS event
ARRAY JOIN event.candidates AS item;

CREATE TABLE IF NOT EXISTS $database.intake_request_first_token $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    request_id String,
    fleet LowCardinality(String),
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    attempt Int64,
    node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    kind LowCardinality(String),
    ttft_s Float64,
    upstream_ttft_s Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_request_first_token $on_cluster AS $database.intake_request_first_token
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.request_first_tokens $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    attempt Int64,
    node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    kind LowCardinality(String),
    ttft_s Nullable(Float64),
    upstream_ttft_s Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, occurred_at)
ORDER BY (fleet, occurred_at, request_id, attempt)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'When the first piece of an answer came.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_first_tokens_view $on_cluster TO $database.request_first_tokens AS
SELECT
    fleet,
    request_id,
    router_id,
    occurred_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    attempt,
    node_id,
    runtime_id,
    model,
    kind,
    if(isFinite(ttft_s), ttft_s, NULL) AS ttft_s,
    if(isFinite(upstream_ttft_s), upstream_ttft_s, NULL) AS upstream_ttft_s
FROM $database.intake_request_first_token;

CREATE TABLE IF NOT EXISTS $database.intake_request_finished $on_cluster
(
    kafka_head Int64,
    kafka_topic LowCardinality(String),
    kafka_partition Int32,
    kafka_offset Int64,
    kafka_arrived_at Float64,
    request_id String,
    fleet LowCardinality(String),
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC'),
    received_at DateTime64(6, 'UTC'),
    outcome LowCardinality(String),
    node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    served_model LowCardinality(String),
    finish_reason LowCardinality(String),
    error String,
    key LowCardinality(String),
    workload LowCardinality(String),
    session String,
    tags Map(String, String),
    fallback Bool,
    attempts Int64,
    http_status Int64,
    queue_wait_s Float64,
    ttft_s Float64,
    total_s Float64,
    upstream_s Float64,
    inter_token_s Float64,
    prompt_tokens Float64,
    completion_tokens Float64,
    cached_tokens Float64,
    reasoning_tokens Float64,
    kafka_tail Int64,
    CONSTRAINT whole_record CHECK kafka_head = kafka_tail
)
ENGINE = Null
COMMENT 'Where the bytes of the events go in; it keeps nothing, views fan out from it.';

CREATE TABLE IF NOT EXISTS $database.trial_request_finished $on_cluster AS $database.intake_request_finished
ENGINE = Null
COMMENT 'The same without views: shows which bytes can be read.';

CREATE TABLE IF NOT EXISTS $database.requests_finished $on_cluster
(
    fleet LowCardinality(String),
    request_id String,
    router_id LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    received_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    topic LowCardinality(String),
    partition Int32,
    offset Int64 CODEC(Delta(8), ZSTD(1)),
    arrived_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    outcome LowCardinality(String),
    node_id LowCardinality(String),
    runtime_id LowCardinality(String),
    model LowCardinality(String),
    served_model LowCardinality(String),
    finish_reason LowCardinality(String),
    error String,
    key LowCardinality(String),
    workload LowCardinality(String),
    session String,
    tags Map(String, String),
    fallback Bool,
    attempts Int64,
    http_status Int64,
    queue_wait_s Nullable(Float64),
    ttft_s Nullable(Float64),
    total_s Nullable(Float64),
    upstream_s Nullable(Float64),
    inter_token_s Nullable(Float64),
    prompt_tokens Nullable(Float64),
    completion_tokens Nullable(Float64),
    cached_tokens Nullable(Float64),
    reasoning_tokens Nullable(Float64),
    INDEX by_occurred_at occurred_at TYPE minmax GRANULARITY 1024
)
ENGINE = ${replicated}ReplacingMergeTree
PARTITION BY toDate(arrived_at)
PRIMARY KEY (fleet, received_at)
ORDER BY (fleet, received_at, request_id, occurred_at)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'How requests ended: one row each.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.requests_finished_view $on_cluster TO $database.requests_finished AS
SELECT
    fleet,
    request_id,
    router_id,
    occurred_at,
    received_at,
    kafka_topic AS topic,
    kafka_partition AS partition,
    kafka_offset AS offset,
    fromUnixTimestamp64Micro(toInt64(kafka_arrived_at), 'UTC') AS arrived_at,
    outcome,
    node_id,
    runtime_id,
    model,
    served_model,
    finish_reason,
    error,
    key,
    workload,
    session,
    tags,
    fallback,
    attempts,
    http_status,
    if(isFinite(queue_wait_s), queue_wait_s, NULL) AS queue_wait_s,
    if(isFinite(ttft_s), ttft_s, NULL) AS ttft_s,
    if(isFinite(total_s), total_s, NULL) AS total_s,
    if(isFinite(upstream_s), upstream_s, NULL) AS upstream_s,
    if(isFinite(inter_token_s), inter_token_s, NULL) AS inter_token_s,
    if(isFinite(prompt_tokens), prompt_tokens, NULL) AS prompt_tokens,
    if(isFinite(completion_tokens), completion_tokens, NULL) AS completion_tokens,
    if(isFinite(cached_tokens), cached_tokens, NULL) AS cached_tokens,
    if(isFinite(reasoning_tokens), reasoning_tokens, NULL) AS reasoning_tokens
FROM $database.intake_request_finished;
