-- One row a request, whatever is known of it. What came in and what ended are folded under the time it was
-- received, which both facts carry; how far a request that is still open has come is kept beside it for some days.

CREATE TABLE IF NOT EXISTS $database.request_folds $on_cluster
(
    fleet LowCardinality(String),
    received_at DateTime64(6, 'UTC') CODEC(Delta(8), ZSTD(1)),
    request_id String,
    arrived_at SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    router_id SimpleAggregateFunction(max, LowCardinality(String)),
    received SimpleAggregateFunction(max, UInt8),
    finished SimpleAggregateFunction(max, UInt8),
    finished_at SimpleAggregateFunction(max, Nullable(DateTime64(6, 'UTC'))),
    outcome SimpleAggregateFunction(max, LowCardinality(String)),
    outcomes SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    dialect SimpleAggregateFunction(max, LowCardinality(String)),
    path SimpleAggregateFunction(max, LowCardinality(String)),
    model SimpleAggregateFunction(max, LowCardinality(String)),
    key SimpleAggregateFunction(max, LowCardinality(String)),
    workload SimpleAggregateFunction(max, LowCardinality(String)),
    session SimpleAggregateFunction(max, String),
    tags SimpleAggregateFunction(anyLast, Map(String, String)),
    stream SimpleAggregateFunction(max, UInt8),
    priority SimpleAggregateFunction(max, Nullable(Int64)),
    prompt_tokens_estimate SimpleAggregateFunction(max, Nullable(Float64)),
    max_tokens SimpleAggregateFunction(max, Nullable(Float64)),
    body_bytes SimpleAggregateFunction(max, Nullable(Float64)),
    node_id SimpleAggregateFunction(max, LowCardinality(String)),
    runtime_id SimpleAggregateFunction(max, LowCardinality(String)),
    served_model SimpleAggregateFunction(max, LowCardinality(String)),
    finish_reason SimpleAggregateFunction(max, LowCardinality(String)),
    error SimpleAggregateFunction(max, String),
    fallback SimpleAggregateFunction(max, UInt8),
    attempts SimpleAggregateFunction(max, Int64),
    http_status SimpleAggregateFunction(max, Nullable(Int64)),
    queue_wait_s SimpleAggregateFunction(max, Nullable(Float64)),
    ttft_s SimpleAggregateFunction(max, Nullable(Float64)),
    total_s SimpleAggregateFunction(max, Nullable(Float64)),
    upstream_s SimpleAggregateFunction(max, Nullable(Float64)),
    inter_token_s SimpleAggregateFunction(max, Nullable(Float64)),
    prompt_tokens SimpleAggregateFunction(max, Nullable(Float64)),
    completion_tokens SimpleAggregateFunction(max, Nullable(Float64)),
    cached_tokens SimpleAggregateFunction(max, Nullable(Float64)),
    reasoning_tokens SimpleAggregateFunction(max, Nullable(Float64)),
    INDEX by_arrived_at arrived_at TYPE minmax GRANULARITY 1,
    INDEX by_finished finished TYPE minmax GRANULARITY 1,
    INDEX by_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1
)
ENGINE = ${replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(received_at)
PRIMARY KEY (fleet, received_at)
ORDER BY (fleet, received_at, request_id)
TTL toDateTime(arrived_at) + INTERVAL $requests_ttl_days DAY
SETTINGS $settings
COMMENT 'Requests by parts that may still have to be merged: read the view requests.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_folds_received_view $on_cluster TO $database.request_folds AS
SELECT
    fleet,
    occurred_at AS received_at,
    request_id,
    arrived_at,
    router_id,
    1 AS received,
    dialect,
    path,
    model,
    key,
    workload,
    session,
    tags,
    stream,
    priority,
    prompt_tokens_estimate,
    max_tokens,
    body_bytes
FROM $database.requests_received;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_folds_finished_view $on_cluster TO $database.request_folds AS
SELECT
    fleet,
    received_at,
    request_id,
    arrived_at,
    router_id,
    1 AS finished,
    occurred_at AS finished_at,
    outcome,
    [toString(outcome)] AS outcomes,
    model,
    key,
    workload,
    session,
    tags,
    node_id,
    runtime_id,
    served_model,
    finish_reason,
    error,
    fallback,
    attempts,
    http_status,
    queue_wait_s,
    ttft_s,
    total_s,
    upstream_s,
    inter_token_s,
    prompt_tokens,
    completion_tokens,
    cached_tokens,
    reasoning_tokens
FROM $database.requests_finished;

CREATE TABLE IF NOT EXISTS $database.request_progress $on_cluster
(
    request_id String,
    arrived_on Date,
    admitted SimpleAggregateFunction(max, UInt8),
    queue_wait_s SimpleAggregateFunction(max, Nullable(Float64)),
    attempt SimpleAggregateFunction(max, Tuple(Int64, String, String, String)),
    ttft_s SimpleAggregateFunction(max, Nullable(Float64))
)
ENGINE = ${replicated}AggregatingMergeTree
PARTITION BY arrived_on
ORDER BY (request_id, arrived_on)
TTL toDateTime(arrived_on) + INTERVAL $summaries_ttl_days DAY
SETTINGS $settings
COMMENT 'How far requests of the last days came: what the view requests says of those that are open.';

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_progress_admitted_view $on_cluster TO $database.request_progress AS
SELECT request_id, toDate(arrived_at) AS arrived_on, 1 AS admitted, queue_wait_s
FROM $database.requests_admitted;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_progress_routed_view $on_cluster TO $database.request_progress AS
SELECT request_id, toDate(arrived_at) AS arrived_on, (attempt, toString(node_id), toString(runtime_id), toString(served_model)) AS attempt
FROM $database.requests_routed;

CREATE MATERIALIZED VIEW IF NOT EXISTS $database.request_progress_first_token_view $on_cluster TO $database.request_progress AS
SELECT request_id, toDate(arrived_at) AS arrived_on, ttft_s
FROM $database.request_first_tokens;

CREATE OR REPLACE VIEW $database.requests $on_cluster AS
SELECT
    fleet,
    request_id,
    router_id,
    received_at,
    finished_at,
    'finished' AS state,
    outcome,
    node_id,
    runtime_id,
    model,
    served_model,
    dialect,
    path,
    stream = 1 AS stream,
    key,
    workload,
    session,
    tags,
    priority,
    attempts,
    fallback = 1 AS fallback,
    http_status,
    finish_reason,
    error,
    queue_wait_s,
    ttft_s,
    total_s,
    upstream_s,
    inter_token_s,
    prompt_tokens_estimate,
    prompt_tokens,
    completion_tokens,
    cached_tokens,
    reasoning_tokens,
    max_tokens,
    body_bytes
FROM $database.request_folds FINAL
WHERE finished = 1
UNION ALL
SELECT
    fleet,
    request_id,
    router_id,
    received_at,
    NULL AS finished_at,
    multiIf(isNotNull(progress.ttft_s), 'streaming', progress.attempt.1 > 0, 'routed', progress.admitted = 1, 'admitted', arrived_at > now() - INTERVAL 2 DAY, 'queued', 'unknown') AS state,
    '' AS outcome,
    progress.attempt.2 AS node_id,
    progress.attempt.3 AS runtime_id,
    model,
    progress.attempt.4 AS served_model,
    dialect,
    path,
    stream = 1 AS stream,
    key,
    workload,
    session,
    tags,
    priority,
    progress.attempt.1 AS attempts,
    false AS fallback,
    NULL AS http_status,
    '' AS finish_reason,
    '' AS error,
    progress.queue_wait_s AS queue_wait_s,
    progress.ttft_s AS ttft_s,
    NULL AS total_s,
    NULL AS upstream_s,
    NULL AS inter_token_s,
    prompt_tokens_estimate,
    NULL AS prompt_tokens,
    NULL AS completion_tokens,
    NULL AS cached_tokens,
    NULL AS reasoning_tokens,
    max_tokens,
    body_bytes
FROM
(
    SELECT *
    FROM $database.request_folds FINAL
    WHERE finished = 0
) AS request
LEFT JOIN
(
    SELECT
        request_id,
        max(part.admitted) AS admitted,
        max(part.queue_wait_s) AS queue_wait_s,
        max(part.attempt) AS attempt,
        max(part.ttft_s) AS ttft_s
    FROM $database.request_progress AS part
    WHERE request_id IN
    (
        SELECT request_id
        FROM $database.request_folds FINAL
        WHERE finished = 0 AND arrived_at > now() - INTERVAL 2 DAY
    )
    GROUP BY request_id
) AS progress USING (request_id);

CREATE OR REPLACE VIEW $database.request_conservation $on_cluster AS
SELECT
    fleet,
    router_id,
    toStartOfHour(fold.received_at) AS hour,
    countIf(fold.received = 1) AS received,
    countIf(fold.finished = 1) AS finished,
    countIf(fold.finished = 0) AS open,
    minIf(toNullable(fold.received_at), fold.finished = 0) AS oldest_open_at,
    countIf(fold.received = 0) AS never_received,
    countIf(length(fold.outcomes) > 1) AS finished_twice,
    countIf(fold.received = 1) = count() AND countIf(length(fold.outcomes) > 1) = 0 AS holds
FROM $database.request_folds AS fold FINAL
GROUP BY fleet, router_id, hour;
