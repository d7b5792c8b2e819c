-- What is said since the second version of where a request went: how many places there were, and why another
-- model than was asked for. Tables first, then where the bytes go in, then the view.

ALTER TABLE $database.requests_routed $on_cluster
    ADD COLUMN IF NOT EXISTS places Int64,
    ADD COLUMN IF NOT EXISTS fallback LowCardinality(String);

ALTER TABLE $database.trial_request_routed $on_cluster
    ADD COLUMN IF NOT EXISTS places Int64 AFTER candidates,
    ADD COLUMN IF NOT EXISTS fallback LowCardinality(String) AFTER places;

ALTER TABLE $database.intake_request_routed $on_cluster
    ADD COLUMN IF NOT EXISTS places Int64 AFTER candidates,
    ADD COLUMN IF NOT EXISTS fallback LowCardinality(String) AFTER places;

ALTER TABLE $database.requests_routed_view $on_cluster MODIFY QUERY
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
    shadow_node_id,
    places,
    fallback
FROM $database.intake_request_routed;
