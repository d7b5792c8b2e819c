"""The broker's configuration for one node, as text; each setting that differs from Kafka's own says why."""

from collections.abc import Mapping
from pathlib import Path

from schemas.settings import Settings

YEAR_MIN = 365 * 24 * 60
# The largest event is 1 MiB; a dead letter carries one inside it.
RECORD_LIMIT_BYTES = 4 << 20
CONTROLLER_HOST = "127.0.0.1"
_WILDCARDS = ("0.0.0.0", "::", "")


def server_properties(settings: Settings, data: Path) -> str:
    """Return ``server.properties`` of a broker that is its own controller and keeps topics under ``data``."""
    lines = {**_addresses(settings), **_ONE_NODE, **_SMALL, "log.dirs": str(data)}
    return "".join(f"{name}={value}\n" for name, value in lines.items())


def advertised_host(settings: Settings) -> str:
    """Return the host that clients are sent to.

    A broker that listens everywhere cannot tell clients so: it names the host of the setting
    ``kafka.bootstrap_servers``.
    """
    host = settings.embedded.host
    if host not in _WILDCARDS:
        return host
    return settings.kafka.bootstrap_servers.split(",")[0].rpartition(":")[0]


def _addresses(settings: Settings) -> Mapping[str, str]:
    embedded = settings.embedded
    clients = f"{_bracketed(embedded.host)}:{embedded.kafka_port}"
    advertised = f"{_bracketed(advertised_host(settings))}:{embedded.kafka_port}"
    # No one but the broker itself talks to its controller, so that one never leaves the machine.
    controller = f"{CONTROLLER_HOST}:{embedded.kafka_controller_port}"
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "CLIENTS",
        "listeners": f"CLIENTS://{clients},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENTS://{advertised}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


_ONE_NODE: Mapping[str, str] = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    # The broker's check of each transaction's partitions (KIP-890) answers clients of the older protocol, as
    # aiokafka 0.14 is, with NotEnoughReplicas while it asks its coordinator, and they wait 100 ms. Measured
    # over 1,060 transactions: 54-63 such answers, p99 121-143 ms; without the check none, p99 34-61 ms
    # (p50 of 1,020 records 18 ms either way). What it guards against, a late request that opens a transaction
    # anew, is fenced here: aiokafka adds partitions first, and every restart takes a new epoch.
    "transaction.partition.verification.enable": "false",
    # After kill -9 a broker waits until its former self has been silent for this long. Ready again, mean of
    # four on one busy machine (load 20): 20.8 s with Kafka's 9 s, 14.0 s with 3 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A misspelt topic is an error, not a new topic: schemas/topics.py is the one table.
    "auto.create.topics.enable": "false",
    # No second member is on its way: the first gets its partitions at once, not after 3 s.
    "group.initial.rebalance.delay.ms": "0",
    # Kafka's least is 6 s; worker.session_timeout_s may be shorter.
    "group.min.session.timeout.ms": "1000",
    # A machine that was off for a month goes on where it stood. Kafka's default forgets after a week, and
    # the sink would read its topics from the start.
    "offsets.retention.minutes": str(YEAR_MIN),
    "message.max.bytes": str(RECORD_LIMIT_BYTES),
    # Compacted topics are compacted within the hour although little is written: states are read back fast.
    "log.cleaner.max.compaction.lag.ms": str(3_600_000),
}

_SMALL: Mapping[str, str] = {
    # 50 partitions each by default, for clusters: creating them is most of the first group's wait.
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.num.partitions": "1",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    "num.recovery.threads.per.data.dir": "2",
    # 128 MiB of heap by default, taken at once; 16 MiB compact 600,000 keys in one pass.
    "log.cleaner.dedupe.buffer.size": str(16 << 20),
    "log.segment.bytes": str(128 << 20),
}


def log4j2_properties(log_file: Path) -> str:
    """Return Kafka's logging: everything into a rotating file, warnings and worse to standard output.

    A line on standard output is ``LEVEL logger text``, with an exception's message and no trace. log4j's own
    shutdown hook is off: it would end the log before Kafka has shut down. Warnings that every start and stop
    brings are in the file alone.
    """
    return _LOG4J2.format(file=log_file, usual="|".join(_USUAL))


_USUAL = (
    "Performing controller activation",
    "Attempting to close NetworkClient that has already been closed",
)
_LOG4J2 = """\
status=error
shutdownHook=disable
appender.file.type=RollingFile
appender.file.name=file
appender.file.fileName={file}
appender.file.filePattern={file}.%i
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d{{ISO8601}} %p %c{{1}} %m%n
appender.file.policies.type=Policies
appender.file.policies.size.type=SizeBasedTriggeringPolicy
appender.file.policies.size.size=10MB
appender.file.strategy.type=DefaultRolloverStrategy
appender.file.strategy.max=5
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%p %c{{1}} %replace{{%m %ex{{short.message}}}}{{[\\r\\n]+}}{{ }}%n%ex{{0}}
appender.out.filter.usual.type=RegexFilter
appender.out.filter.usual.regex=(?s).*({usual}).*
appender.out.filter.usual.onMatch=DENY
appender.out.filter.usual.onMismatch=NEUTRAL
rootLogger.level=info
rootLogger.appenderRef.file.ref=file
rootLogger.appenderRef.out.ref=out
rootLogger.appenderRef.out.level=warn
"""
