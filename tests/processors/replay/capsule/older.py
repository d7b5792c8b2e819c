"""Makes ``older.capsule``: an incident of one node whose events were written with older schemas.

Requests were routed by the first version of request_routed; samples have a field that later versions do not
have. It is kept as it was made once: ``python -m tests.processors.replay.capsule.older`` would write it anew.
"""

import copy
import io
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import fastavro

from processors.patterns.rules import Rules
from processors.replay.capsule.create import create
from processors.replay.capsule.manifest import SchemaText
from processors.topology import stages_of
from schemas.codec import Codec, Event, packaged
from schemas.codec.foreign import plain
from schemas.codec.framing import frame
from schemas.events.node_hint import NodeHint
from schemas.events.node_sample import NodeSample
from schemas.events.request_routed import RequestRouted
from tests.processors.replay.capsule.build import IDS
from tests.processors.replay.capsule.conftest import texts, wish
from tests.processors.replay.recorded import ListSource, Live, facts

FILE = Path(__file__).with_name("older.capsule")
SAMPLE_ID, ROUTED_ID = 11, 12


def older_sample() -> dict[str, Any]:
    """Return the schema of a sample with a field that is no longer there."""
    schema: dict[str, Any] = copy.deepcopy(dict(packaged()["node_sample"][-1].schema))
    schema["fields"].insert(2, {"name": "agent_uptime_s", "type": "double", "doc": "seconds, until 0.1"})
    return schema


SCHEMAS: Mapping[int, tuple[str, Mapping[str, Any]]] = {
    SAMPLE_ID: ("node_sample", older_sample()),
    ROUTED_ID: ("request_routed", packaged()["request_routed"][0].schema),
}


def as_dict(value: Any) -> Any:
    """Return nested views as fastavro takes them."""
    if hasattr(value, "_asdict"):
        return {name: as_dict(each) for name, each in value._asdict().items()}
    return [as_dict(each) for each in value] if isinstance(value, tuple) else value


def older_value(event: Event, codec: Codec) -> bytes:
    """Return an event as an older version wrote it."""
    id_ = {NodeSample: SAMPLE_ID, RequestRouted: ROUTED_ID}.get(type(event))
    if id_ is None:
        return codec.encode(event)
    buffer = io.BytesIO()
    schema = fastavro.parse_schema(plain(SCHEMAS[id_][1]))
    fastavro.schemaless_writer(buffer, schema, {"agent_uptime_s": 1.0, **as_dict(event)})
    return frame(id_, buffer.getvalue())


def older_texts(ids: Collection[int]) -> Mapping[int, SchemaText]:
    """Return the schemas by id."""
    old: dict[int, SchemaText] = {
        id_: SchemaText(event=SCHEMAS[id_][0], text=json.dumps(SCHEMAS[id_][1]))
        for id_ in ids
        if id_ in SCHEMAS
    }
    return {**old, **texts([id_ for id_ in ids if id_ in IDS.values()])}


def source() -> ListSource:
    """Return a log of facts in older schemas."""
    live = Live(stages_of(1.0, Rules())).run(facts("5m"))
    codec = Codec(IDS)
    for id_, (_, schema) in SCHEMAS.items():
        codec.learn(id_, json.dumps(schema))
    return ListSource(
        codec,
        [
            one._replace(value=older_value(live.codec.decode(one.value), live.codec))
            for one in live.log
            if one.topic in ("telemetry", "requests")
            and not isinstance(live.codec.decode(one.value), NodeHint)
        ],
    )


def write(target: Path) -> None:
    """Write the capsule."""
    found = source()
    create(found, older_texts, wish(found, nodes=("node-1",), rules=""), target)


if __name__ == "__main__":
    write(FILE)
