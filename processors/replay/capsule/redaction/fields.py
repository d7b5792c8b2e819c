"""What a redaction does with each text of each event. What is not listed counts as a secret of its own.

Kept are the words of Penstock, of makers and of formats: states, reasons, patterns, units, product names of
accelerators and CPUs, versions. Without them nothing could be judged as it was.
"""

from enum import Enum
from typing import Final


class Treatment(Enum):
    """How a text is made safe. A name becomes a pseudonym of its kind; equal names stay equal.

    MIXED: words with names among them. OPAQUE: told apart and nothing else. REFERENCE: the id of an
    observation or an alert. IDENTITY: the id of a derived event. FREE: left out, as it is written by people
    or quotes what is not known; what a stage says in a sentence, a replay says again.
    """

    KEEP = "keep"
    NODE = "node"
    FLEET = "fleet"
    GPU = "gpu"
    RUNTIME = "runtime"
    MODEL = "model"
    HOST = "host"
    TAG = "tag"
    WORKLOAD = "workload"
    PERSON = "person"
    REQUEST = "request"
    MIXED = "mixed"
    OPAQUE = "opaque"
    RULES = "rules"
    REFERENCE = "reference"
    IDENTITY = "identity"
    FREE = "free"


T = Treatment
# Of equal texts of several kinds, the first kind names it.
NAMED: Final = (T.NODE, T.FLEET, T.GPU, T.RUNTIME, T.MODEL, T.HOST, T.TAG, T.WORKLOAD, T.PERSON)
_WORDS: Final = (
    "action agent_version alert arch architecture comparison compute_mode cpu_model discovered_by driver "
    "driver_version excluded fallback finish_reason hardware inference_reason kind load os os_version "
    "pattern quantization reason recommendation routing_hint_source source stage status thermal_pressure "
    "unit vbios_version vendor version wait_reason why codec source_topic"
)
_BY_NAME: Final[dict[str, Treatment]] = {
    **dict.fromkeys(_WORDS.split(), T.KEEP),
    **dict.fromkeys(("node_id", "previous_node_id", "shadow_node_id", "members", "nodes"), T.NODE),
    "fleet": T.FLEET,
    **dict.fromkeys(("gpu_id", "uuid", "mig_parent", "bus_id"), T.GPU),
    **dict.fromkeys(("runtime_id", "stalled_runtimes"), T.RUNTIME),
    **dict.fromkeys(("model", "served_model", "fallbacks", "models", "pool"), T.MODEL),
    **dict.fromkeys(("hostname", "router_id", "clock_id"), T.HOST),
    **dict.fromkeys(("tags", "rack"), T.TAG),
    "workload": T.WORKLOAD,
    **dict.fromkeys(("by", "acknowledged_by"), T.PERSON),
    "request_id": T.REQUEST,
    **dict.fromkeys(("subject", "subjects", "reading", "thermal_reason"), T.MIXED),
    **dict.fromkeys(("boot_id", "machine_id", "session", "digest", "key", "rule", "rule_id"), T.OPAQUE),
    **dict.fromkeys(("policy", "policy_version", "shadow_policy"), T.OPAQUE),
    **dict.fromkeys(("observation_id", "alert_id", "observations", "target_id"), T.REFERENCE),
    "id": T.IDENTITY,
    "thresholds": T.RULES,
    **dict.fromkeys(
        ("text", "note", "error", "detail", "remedy", "command_line", "container", "url"), T.FREE
    ),
    "path": T.OPAQUE,
}
_BY_PLACE: Final[dict[tuple[str, str], Treatment]] = {
    ("GpuPane", "name"): T.KEEP,
    ("GpuInventory", "name"): T.KEEP,
    ("Evidence", "name"): T.KEEP,
    ("Signal", "name"): T.KEEP,
    ("SensorTemperature", "name"): T.KEEP,
    ("ModelPane", "name"): T.MODEL,
    ("ModelState", "name"): T.MODEL,
    ("LoadedModel", "name"): T.MODEL,
    ("AvailableModel", "name"): T.MODEL,
    ("CollectorInventory", "name"): T.MIXED,
    ("CollectorReport", "name"): T.MIXED,
    ("CollectorInventory", "reason"): T.FREE,
    ("CollectorReport", "reason"): T.FREE,
}
# Values that are words of Penstock wherever they stand.
KEPT_VALUES: Final = frozenset(
    {
        "",
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/embeddings",
        "/api/chat",
        "/api/generate",
        "/api/embed",
        "/api/embeddings",
        "default",
        "weights",
    }
)
# Names of tags that stages or people's own tools rely on; other names of tags are pseudonyms too.
KEPT_TAGS: Final = frozenset({"rack", "zone", "region", "site", "role"})


def treatment(record: str, field: str) -> Treatment | None:
    """Return what is done with the texts of a field of an Avro record; None: it is not listed."""
    return _BY_PLACE.get((record, field), _BY_NAME.get(field))
