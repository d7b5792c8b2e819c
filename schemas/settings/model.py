"""Every setting of every part, with its default and meaning; built once, passed down, never patched."""

from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from schemas.settings.notifier import NotifierSettings
from schemas.settings.policy import PolicySettings
from schemas.settings.section import Section

Port = Annotated[int, Field(ge=1, le=65535)]


class LogSettings(Section):
    """What the processes print."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level printed")
    format: Literal["auto", "console", "json"] = Field("auto", description="auto: JSON unless a terminal")


class KafkaSettings(Section):
    """The log: the embedded broker by default, any cluster by address."""

    bootstrap_servers: str = Field("127.0.0.1:9092", description="host:port, several separated by commas")
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="how the connection is secured"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", description="how the client says who it is"
    )
    sasl_username: str = Field("", description="user for SASL")
    sasl_password: SecretStr = Field(SecretStr(""), description="password for SASL")
    ssl_ca_file: Path | None = Field(None, description="authority that signs the brokers' certificates")
    ssl_cert_file: Path | None = Field(None, description="client certificate, for mutual TLS")
    ssl_key_file: Path | None = Field(None, description="key of the client certificate")
    ssl_key_password: SecretStr = Field(SecretStr(""), description="password of that key")
    topic_prefix: str = Field(
        "penstock.", pattern=r"^[A-Za-z0-9._-]*$", description="put before every topic, group and transaction"
    )
    partitions: int = Field(4, ge=1, le=1024, description="partitions of topics keyed by node, when created")
    replication_factor: int = Field(1, ge=1, le=7, description="replicas of each topic, when created")
    compression: Literal["none", "gzip", "lz4", "zstd"] = Field("zstd", description="of records on the wire")


class RegistrySettings(Section):
    """The schema registry: the embedded one by default, any Confluent-compatible one by URL."""

    url: str = Field("http://127.0.0.1:8081", description="base URL")
    username: str = Field("", description="user for HTTP basic authentication")
    password: SecretStr = Field(SecretStr(""), description="its password")
    token: SecretStr = Field(SecretStr(""), description="bearer token, instead of user and password")
    ca_file: Path | None = Field(None, description="authority that signs the registry's certificate")


class ClickHouseSettings(Section):
    """The store: the embedded one by default, any server or cluster by URL."""

    url: str = Field("http://127.0.0.1:8123", description="base URL of the HTTP interface")
    database: str = Field(
        "penstock", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="database of all tables"
    )
    username: str = Field("default", description="user")
    password: SecretStr = Field(SecretStr(""), description="its password")
    ca_file: Path | None = Field(None, description="authority that signs the server's certificate")
    cluster: str = Field(
        "", pattern=r"^[A-Za-z0-9_.-]*$", description="tables are made ON CLUSTER this one, replicated"
    )
    registry_url: str = Field("", description="how the store reaches the registry, where not as we do")
    samples_ttl_days: int = Field(30, ge=1, description="days that samples and states are kept")
    panes_ttl_days: int = Field(400, ge=1, description="days that panes and rollups are kept")
    requests_ttl_days: int = Field(90, ge=1, description="days that the facts of requests are kept")
    summaries_ttl_days: int = Field(
        3, ge=1, description="days that summaries of nodes, watermarks and the progress of requests are kept"
    )
    event_log_ttl_days: int = Field(90, ge=1, description="days that the bytes of every event are kept")


class NodeSettings(Section):
    """The node agent."""

    fleet: str = Field("default", min_length=1, max_length=100, description="fleet this node belongs to")
    node_id: str = Field("", max_length=100, description="name of this node; empty: derived from the machine")
    tags: dict[str, str] = Field(default_factory=dict, description="free labels, such as rack or site")
    interval_s: float = Field(1.0, ge=0.05, le=60, description="seconds between samples")
    per_core: bool = Field(False, description="also send the use of every CPU; larger samples")
    spool_bytes: int = Field(1 << 30, ge=1 << 20, description="disk for samples while Kafka is away")
    ollama_url: str = Field("", description="Ollama's address; empty: OLLAMA_HOST, else 127.0.0.1:11434")
    discover: bool = Field(True, description="find runtimes by their processes and ports")
    runtimes: str = Field(
        "",
        description="further runtimes, [kind=]URL, several separated by commas: vllm=http://127.0.0.1:8001",
    )
    runtime_key: SecretStr = Field(SecretStr(""), description="key sent to the runtimes that are named here")
    probe: bool = Field(False, description="measure idle runtimes by a short generation on a loaded model")
    probe_interval_s: float = Field(300.0, ge=10, description="seconds between probes of one runtime")
    metrics_port: Port = Field(9464, description="port of the agent's /metrics and /healthz")


class ClockSettings(Section):
    """The clock: time passes for a silent partition too."""

    interval_s: float = Field(5.0, ge=0.2, le=60, description="seconds between ticks")


class BaselinesSettings(Section):
    """What each node's efficiency has been, asked of ClickHouse and told to the fleet stage."""

    enabled: bool = Field(True, description="whether penstock up runs it")
    interval_s: float = Field(
        3600.0, ge=60, le=86400, description="seconds between two; aligned to the clock"
    )


class WorkerSettings(Section):
    """The stages."""

    batch_records: int = Field(4000, ge=1, description="most records in one Kafka transaction")
    session_timeout_s: float = Field(
        6.0, ge=1, le=300, description="a silent worker is presumed dead after this"
    )
    pue: float = Field(
        1.0, ge=1.0, le=5.0, description="power usage effectiveness of the site, applied to WES"
    )
    rules_file: Path | None = Field(None, description="TOML file with thresholds of patterns and alerts")
    dead_letters_per_minute: int = Field(600, ge=1, description="most dead letters a minute and partition")
    metrics_port: Port = Field(9465, description="port of the worker's /metrics and /healthz")


class SinkSettings(Section):
    """The way into the store."""

    batch_rows: int = Field(50_000, ge=1, description="most records in one insertion")
    batch_bytes: int = Field(32 << 20, ge=1 << 10, description="most bytes in one insertion")
    batch_age_s: float = Field(0.5, ge=0.01, le=60, description="a part-full insertion waits no longer")
    metrics_port: Port = Field(9466, description="port of the sink's /metrics and /healthz")


class ApiSettings(Section):
    """The query API."""

    host: str = Field("127.0.0.1", description="address to listen on; off loopback, keys are required")
    port: Port = Field(8800, description="port to listen on")
    sql_max_rows: int = Field(100_000, ge=1, description="most rows one ad-hoc query may return")
    sql_max_seconds: float = Field(30.0, gt=0, description="longest one ad-hoc query may run")
    sql_max_memory_bytes: int = Field(2 << 30, ge=1 << 20, description="most memory one ad-hoc query may use")
    key: SecretStr = Field(
        SecretStr(""), description="key that penstock's commands send, where the API needs one"
    )


UpstreamKind = Literal["ollama", "vllm", "llamacpp", "sglang", "openai"]


class UpstreamSettings(Section):
    """A server of models that the router is told of, instead of learning of it from an agent."""

    url: str = Field(pattern=r"^https?://[^/\s]+", description="its address, without /v1")
    kind: UpstreamKind = Field("openai", description="the runtime; openai: any server of that API")
    name: str = Field("", max_length=100, description="what it is called; empty: its host and port")
    models: tuple[str, ...] = Field(
        (), description="names of its models, or name=its own name for one; empty: it is asked"
    )
    slots: int | None = Field(None, ge=1, description="requests it serves at once, where it does not tell")
    key: SecretStr = Field(SecretStr(""), description="key that it wants")


class PoolSettings(Section):
    """Models that share something, such as the memory of a machine."""

    name: str = Field(..., min_length=1, max_length=100, description="what it is called")
    models: tuple[str, ...] = Field(..., min_length=1, description="its models; each is in one pool at most")
    budget: float | None = Field(None, gt=0, description="the costs in flight may come to this; none: any")
    costs: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict,
        description="cost of a request for a model; others: 1 / the requests served at once",
    )
    exclusive: bool = Field(False, description="one of its models at a time")
    turn_s: float = Field(
        10.0, ge=0, description="a model keeps an exclusive pool for so long while others wait"
    )
    heavy: Literal["leave_room", "full_pool"] = Field(
        "leave_room", description="a long prompt leaves room for a short one; or may cost all of the budget"
    )


class RouterSettings(Section):
    """The router: one address for the models of all nodes."""

    enabled: bool = Field(True, description="whether penstock up runs it")
    host: str = Field("127.0.0.1", description="address to listen on; off loopback, keys are required")
    port: Port = Field(8484, description="port to listen on")
    upstreams: tuple[UpstreamSettings, ...] = Field(
        (), description="servers of models, a list of tables (JSON in the environment)"
    )
    nodes: bool = Field(True, description="learn of the nodes, their runtimes and states from Kafka")
    policy: str = Field("default", description="name of the policy that chooses")
    shadow_policy: str = Field(
        "", description="one that is asked besides, and what it would have chosen recorded; empty: none"
    )
    policies: tuple[PolicySettings, ...] = Field(
        (),
        description="policies besides the one that is built in, a list of tables (JSON in the environment)",
    )
    ask_interval_s: float = Field(5.0, ge=0.1, le=300, description="seconds between questions what they have")
    body_bytes: int = Field(64 << 20, ge=1 << 10, description="most bytes of a request; images count")
    prompt_limits: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict,
        description="most tokens of a prompt, by estimate, for models by name; * is for all others (JSON in "
        "the environment)",
    )
    header_bytes: int = Field(64 << 10, ge=1 << 10, description="most bytes of a request's headers")
    header_timeout_s: float = Field(10.0, gt=0, description="how long the headers of a request may take")
    body_timeout_s: float = Field(60.0, gt=0, description="how long the body of a request may take")
    answer_bytes: int = Field(256 << 20, ge=1 << 10, description="most bytes of an answer in one piece")
    connect_timeout_s: float = Field(5.0, gt=0, description="how long connecting to an upstream may take")
    first_byte_timeout_s: float = Field(
        600.0, gt=0, description="silence of an upstream before its answer begins"
    )
    idle_timeout_s: float = Field(120.0, gt=0, description="silence of an upstream within an answer")
    stall_timeout_s: float = Field(
        600.0, gt=0, description="how long a client may not read what it asked for"
    )
    patience_s: float = Field(600.0, ge=0, description="how long a request may wait in the queue")
    hold_s: float = Field(30.0, ge=0, description="how long it waits for an upstream that is away to return")
    pools: tuple[PoolSettings, ...] = Field(
        (), description="models that share something, a list of tables (JSON in the environment)"
    )
    aging_per_s: float = Field(
        0.05, ge=0, le=10, description="points of priority that a request gains each second it waits"
    )
    prompt_tiers: str = Field(
        "2000:1,8000:2,inf:4",
        pattern=r"^(\d+:\d+(\.\d+)?,)*inf:\d+(\.\d+)?$",
        description="tokens of the prompt up to which it costs so many times as much of a pool",
    )
    priority_ceiling: int = Field(
        0, ge=-100, le=100, description="highest priority of callers whose key does not say"
    )
    max_in_flight: int | None = Field(
        None, ge=1, description="requests such a caller has in flight at most; others wait"
    )
    attempts: int = Field(3, ge=1, le=20, description="most upstreams asked for one request")
    breaker_failures: int = Field(
        5, ge=1, description="failures in a row after which an upstream is left alone"
    )
    breaker_cooldown_s: float = Field(
        10.0, gt=0, description="for how long, before one request tries it again"
    )
    drain_s: float = Field(30.0, ge=0, description="how long requests may go on once the router is to stop")
    context: Literal["keep", "warn", "off"] = Field(
        "keep", description="num_ctx: keep what is loaded unless more is asked for; warn; or do nothing"
    )
    thinking_factor: float = Field(
        4.0,
        ge=1,
        le=100,
        description="limits of tokens are multiplied by this for models that think; 1: never",
    )
    thinking_min_tokens: int = Field(1024, ge=1, description="and are at least this then")
    id: str = Field(
        "",
        max_length=100,
        description="name of this router in facts; empty: one is made up, and kept in data_dir by its port",
    )
    fleet: str = Field("default", min_length=1, max_length=100, description="fleet that it serves")
    facts: bool = Field(True, description="tell Kafka what happens to each request")
    spool_bytes: int = Field(1 << 30, ge=1 << 20, description="disk for facts while Kafka is away")
    resident_fallback: bool = Field(
        False, description="another model may answer while the one that is asked for would have to be loaded"
    )
    interchangeable: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...] = Field(
        (), description="lists of models that may stand in for each other then; others: those of a category"
    )
    prewarm_depth: int | None = Field(
        None,
        ge=1,
        description="requests of a model, for each node that has it in memory, from which an Ollama with "
        "room loads it ahead; none: never",
    )
    auto_pull: bool = Field(False, description="an unknown model is pulled by an Ollama upstream")
    pull_timeout_s: float = Field(1800.0, gt=0, description="longest that a pull may take")


class EmbeddedSettings(Section):
    """The broker, store and registry that ``penstock up`` starts itself."""

    host: str = Field("127.0.0.1", description="address they listen on")
    kafka_port: Port = Field(9092, description="Kafka's port")
    kafka_controller_port: Port = Field(9093, description="port of Kafka's own controller")
    kafka_heap_mb: int = Field(512, ge=128, description="Java heap of the broker, MiB")
    clickhouse_port: Port = Field(8123, description="port of ClickHouse's HTTP interface")
    clickhouse_handles: int = Field(
        8, ge=2, le=64, description="queries that run at once in the embedded store"
    )
    registry_port: Port = Field(8081, description="port of the schema registry")


class Settings(Section):
    """All settings. ``PENSTOCK_KAFKA__PARTITIONS=8`` or ``[kafka] partitions = 8`` in TOML."""

    data_dir: Path = Field(
        default_factory=lambda: user_data_path("penstock"),
        description="everything that is kept on this machine",
    )
    log: LogSettings = LogSettings()
    kafka: KafkaSettings = KafkaSettings()
    registry: RegistrySettings = RegistrySettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    node: NodeSettings = NodeSettings()
    clock: ClockSettings = ClockSettings()
    baselines: BaselinesSettings = BaselinesSettings()
    worker: WorkerSettings = WorkerSettings()
    sink: SinkSettings = SinkSettings()
    notifier: NotifierSettings = NotifierSettings()
    api: ApiSettings = ApiSettings()
    router: RouterSettings = RouterSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
