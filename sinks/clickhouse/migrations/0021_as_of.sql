-- What was so at a moment, and what was known of it at another. Times are UTC: t is compared with the clock of
-- the nodes (occurred_at), known_at with the log's (arrived_at).

CREATE OR REPLACE VIEW $database.node_state_as_known $on_cluster AS
WITH
    {t:DateTime64(6, 'UTC')} AS moment,
    {known_at:DateTime64(6, 'UTC')} AS known
SELECT
    state.*,
    dateDiff('microsecond', state.occurred_at, moment) / 1e6 AS silent_s,
    if(stop.stopped_at >= state.occurred_at, stop.stopped_at, NULL) AS stopped_at
FROM
(
    SELECT *
    FROM $database.node_states
    WHERE occurred_at > moment - INTERVAL 1 DAY AND occurred_at <= moment
        -- A clock that is ahead is refused beyond five minutes: rows of that day arrived no earlier.
        AND arrived_at > moment - INTERVAL 1 DAY - INTERVAL 10 MINUTE AND arrived_at <= known
        AND (node_id, occurred_at) IN
        (
            SELECT node_id, max(occurred_at)
            FROM $database.node_states
            WHERE occurred_at > moment - INTERVAL 1 DAY AND occurred_at <= moment
                AND arrived_at > moment - INTERVAL 1 DAY - INTERVAL 10 MINUTE AND arrived_at <= known
            GROUP BY node_id
        )
    ORDER BY arrived_at DESC, offset DESC
    LIMIT 1 BY node_id
) AS state
LEFT JOIN
(
    SELECT node_id, toNullable(max(occurred_at)) AS stopped_at
    FROM $database.node_stops
    WHERE occurred_at <= moment AND arrived_at <= known
    GROUP BY node_id
) AS stop ON stop.node_id = state.node_id;

CREATE OR REPLACE VIEW $database.node_state_as_of $on_cluster AS
WITH
    {t:DateTime64(6, 'UTC')} AS moment
SELECT
    state.*,
    dateDiff('microsecond', state.occurred_at, moment) / 1e6 AS silent_s,
    if(stop.stopped_at >= state.occurred_at, stop.stopped_at, NULL) AS stopped_at
FROM
(
    SELECT *
    FROM $database.node_states
    WHERE occurred_at > moment - INTERVAL 1 DAY AND occurred_at <= moment
        AND arrived_at > moment - INTERVAL 1 DAY - INTERVAL 10 MINUTE
        AND (node_id, occurred_at) IN
        (
            SELECT node_id, max(occurred_at)
            FROM $database.node_states
            WHERE occurred_at > moment - INTERVAL 1 DAY AND occurred_at <= moment
                AND arrived_at > moment - INTERVAL 1 DAY - INTERVAL 10 MINUTE
            GROUP BY node_id
        )
    ORDER BY arrived_at DESC, offset DESC
    LIMIT 1 BY node_id
) AS state
LEFT JOIN
(
    SELECT node_id, toNullable(max(occurred_at)) AS stopped_at
    FROM $database.node_stops
    WHERE occurred_at <= moment
    GROUP BY node_id
) AS stop ON stop.node_id = state.node_id;

CREATE OR REPLACE VIEW $database.observations_as_of $on_cluster AS
WITH
    {t:DateTime64(6, 'UTC')} AS moment,
    {known_at:DateTime64(6, 'UTC')} AS known
SELECT
    event.* EXCEPT (kind, reason, duration_s, told_at, ended_at),
    multiIf(event.occurred_at > moment, 'open', event.dismissed_until > moment, 'dismissed', event.acknowledged_by != '' AND (event.acknowledged_until = fromUnixTimestamp64Micro(0, 'UTC') OR event.acknowledged_until > moment), 'acknowledged', 'open') AS state,
    told_at,
    told_at <= moment AS told,
    ended_at,
    dateDiff('microsecond', event.onset_at, moment) / 1e6 AS duration_s
FROM
(
    SELECT
        *,
        min(occurred_at) OVER (PARTITION BY observation_id) AS told_at,
        max(if(kind = 'resolved', toNullable(occurred_at), NULL)) OVER (PARTITION BY observation_id) AS ended_at
    FROM $database.observation_events
    WHERE onset_at <= moment AND arrived_at <= known
) AS event
WHERE ended_at IS NULL OR ended_at > moment
-- The newest that was said until then; of what was said only later, the first.
ORDER BY event.occurred_at <= moment DESC, if(event.occurred_at <= moment, -event.revision, event.revision)
LIMIT 1 BY observation_id;

CREATE OR REPLACE VIEW $database.alerts_as_of $on_cluster AS
WITH
    {t:DateTime64(6, 'UTC')} AS moment,
    {known_at:DateTime64(6, 'UTC')} AS known
SELECT
    event.* EXCEPT (kind, reason, duration_s, told_at, ended_at),
    multiIf(event.occurred_at > moment, 'open', event.dismissed_until > moment, 'dismissed', event.acknowledged_by != '' AND (event.acknowledged_until = fromUnixTimestamp64Micro(0, 'UTC') OR event.acknowledged_until > moment), 'acknowledged', 'open') AS state,
    told_at,
    told_at <= moment AS told,
    ended_at,
    dateDiff('microsecond', event.onset_at, moment) / 1e6 AS duration_s
FROM
(
    SELECT
        *,
        min(occurred_at) OVER (PARTITION BY alert_id) AS told_at,
        max(if(kind = 'resolved', toNullable(occurred_at), NULL)) OVER (PARTITION BY alert_id) AS ended_at
    FROM $database.alert_events
    WHERE onset_at <= moment AND arrived_at <= known
) AS event
WHERE ended_at IS NULL OR ended_at > moment
ORDER BY event.occurred_at <= moment DESC, if(event.occurred_at <= moment, -event.revision, event.revision)
LIMIT 1 BY alert_id;
