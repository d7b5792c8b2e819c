"""What is asked of ClickHouse about one node, and the facts that its answer is.

A pane counts where the node was serving in nearly all of it and one model did nearly all of the work. The
same rules give ``model`` and ``load`` of a node_summary, so that both speak of the same thing.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.events.reading import NAN
from schemas.events.wes_baseline import WesBaseline
from schemas.ids import derived_id
from schemas.load_band import load_band_sql

# Of the samples of a pane, live; of its tokens, one model's.
SERVING_SHARE = 0.9
DOMINANT_SHARE = 0.9
DAY_US = 24 * 3600 * 1_000_000
WEEK_US = 7 * DAY_US

_AT = "fromUnixTimestamp64Micro({at:Int64}, 'UTC')"
# Panes are ordered by their start, ten seconds before occurred_at.
_WEEK = (
    f"started_at > {_AT} - INTERVAL 7 DAY - INTERVAL 1 MINUTE AND started_at < {_AT}"
    f" AND occurred_at > {_AT} - INTERVAL 7 DAY AND occurred_at <= {_AT}"
)
_ITS = "fleet = {fleet:String} AND node_id = {node_id:String} AND " + _WEEK

NODES = f"SELECT DISTINCT fleet, node_id FROM node_panes WHERE {_WEEK} ORDER BY fleet, node_id"

BASELINES = f"""
WITH
    serving AS
    (
        SELECT started_at, any(occurred_at) AS ended_at, any(wes.mean) AS mean_wes
        FROM node_panes
        WHERE {_ITS} AND samples > 0 AND inference_live >= {SERVING_SHARE} * samples AND isNotNull(wes.mean)
        GROUP BY started_at
    ),
    busy AS
    (
        SELECT started_at, sum(requests_running.mean) AS running, sum(prompt_tokens) AS read,
            sum(generation_tokens) AS written
        FROM runtime_panes
        WHERE {_ITS}
        GROUP BY started_at
    ),
    served AS
    (
        SELECT
            started_at,
            sumIf(generation_tokens, generation_tokens > 0) AS tokens,
            max(generation_tokens) AS most,
            multiIf(count() = 1, any(name), most > 0 AND most >= {DOMINANT_SHARE} * tokens,
                argMax(name, generation_tokens), '') AS model
        FROM model_panes
        WHERE {_ITS}
        GROUP BY started_at
    )
SELECT
    served.model AS model,
    {load_band_sql("busy.running", "busy.read", "busy.written")} AS load,
    countIf(ended_at > {_AT} - INTERVAL 1 DAY) AS day_panes,
    avgIf(mean_wes, ended_at > {_AT} - INTERVAL 1 DAY) AS day_wes,
    count() - day_panes AS week_panes,
    avgIf(mean_wes, ended_at <= {_AT} - INTERVAL 1 DAY) AS week_wes
FROM serving
INNER JOIN served USING (started_at)
LEFT JOIN busy USING (started_at)
WHERE model != ''
GROUP BY model, load
ORDER BY model, load
"""


def facts(
    fleet: str, node_id: str, occurred_at: int, rows: Iterable[Mapping[str, Any]]
) -> tuple[WesBaseline, ...]:
    """Return the facts that the rows of ``BASELINES`` are; the same rows give the same facts."""
    return tuple(
        WesBaseline(
            derived_id("wes_baseline", fleet, node_id, row["model"], row["load"], occurred_at),
            fleet,
            node_id,
            row["model"],
            row["load"],
            occurred_at,
            float(row["day_panes"]),
            _number(row["day_wes"]),
            float(row["week_panes"]),
            _number(row["week_wes"]),
        )
        for row in rows
    )


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)
