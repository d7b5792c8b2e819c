"""Metrics of the node agent, in Prometheus' names and base units."""

from collections.abc import Iterable

from prometheus_client import Counter, Gauge, Histogram

from producers.emitter import EmitterStatistics
from schemas.events.node_sample import CollectorReport, Suspect

SAMPLES = Counter("penstock_agent_samples_total", "Samples taken.")
MISSED = Counter("penstock_agent_samples_missed_total", "Samples that were due and not taken.")
LATENESS = Histogram(
    "penstock_agent_sample_lateness_seconds",
    "How long after it was due a sample was taken.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
RUNS = Counter(
    "penstock_agent_collector_runs_total",
    "Runs of collectors, by outcome: success, failure, timeout.",
    ["collector", "outcome"],
)
DURATION = Gauge(
    "penstock_agent_collector_duration_seconds", "How long a collector's last run took.", ["collector"]
)
OK = Gauge("penstock_agent_collector_ok", "1 where the collector's last run succeeded.", ["collector"])
FACTS = Counter(
    "penstock_agent_facts_total",
    "Facts by what became of them: delivered (acknowledged by Kafka), dropped (queue or spool full), "
    "refused (can never be sent).",
    ["outcome"],
)
WAITING = Gauge("penstock_agent_facts_waiting", "Facts not delivered yet, by place: memory, disk.", ["place"])
SPOOL = Gauge("penstock_agent_spool_bytes", "Bytes that wait in the spool.")
CONNECTED = Gauge("penstock_agent_kafka_connected", "1 while connected to Kafka.")
SUSPECTS = Counter(
    "penstock_agent_suspects_total",
    "Readings kept apart from their sample, by why: negative, over_rating, frozen, clock_step (the node's "
    "clock was set), suspended (the machine slept).",
    ["why"],
)


def count_suspects(suspects: Iterable[Suspect]) -> None:
    """Add what a sample keeps apart."""
    for suspect in suspects:
        SUSPECTS.labels(suspect.why).inc()


def count_report(report: CollectorReport) -> None:
    """Add a collector's report."""
    outcomes = {"success": report.successes, "failure": report.failures, "timeout": report.timeouts}
    for outcome, runs in outcomes.items():
        RUNS.labels(report.name, outcome).inc(runs)
    DURATION.labels(report.name).set(report.duration_s)
    OK.labels(report.name).set(report.status == "ok")


def forget_collectors(names: Iterable[str]) -> None:
    """Take out the series of collectors that are gone: runtimes come and go, on ports of all numbers."""
    for name in names:
        for metric in (RUNS, DURATION, OK):
            metric.remove_by_labels({"collector": name})


def count_emitter(before: EmitterStatistics | None, now: EmitterStatistics) -> None:
    """Add what the emitter did since ``before``; none: since its start."""
    FACTS.labels("delivered").inc(now.delivered - (before.delivered if before else 0))
    FACTS.labels("dropped").inc(now.dropped - (before.dropped if before else 0))
    FACTS.labels("refused").inc(now.refused - (before.refused if before else 0))
    WAITING.labels("memory").set(now.waiting)
    WAITING.labels("disk").set(now.spool_records)
    SPOOL.set(now.spool_bytes)
    CONNECTED.set(now.connected)
