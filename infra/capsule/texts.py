"""The schemas behind ids: from the file that values come from, or from the registry."""

import asyncio
import json
from collections.abc import Collection, Mapping
from pathlib import Path

from infra.replay.opening import EVENT_LOG, KAFKA
from processors.replay.capsule.create import Texts
from processors.replay.capsule.manifest import SchemaText
from processors.replay.capsule.reader import Capsule
from schemas.codec import packaged
from schemas.errors import DecodeError, UnknownSchemaError
from schemas.log_file import LogFile
from schemas.registry import Registry
from schemas.settings import Settings

STACK = "stack"


def texts_of(source: str, settings: Settings) -> Texts:
    """Return what finds the schemas of a source, named as ``--source`` has it."""
    if source in (STACK, KAFKA, EVENT_LOG):
        return lambda ids: asyncio.run(_registered(ids, settings))
    path = Path(source)
    try:
        with Capsule(path) as capsule:
            return _among(capsule.manifest.schemas)
    except DecodeError:
        with LogFile.open(path) as file:
            return _among(
                {id_: SchemaText(event=event, text=text) for id_, (event, text) in file.schemas.items()}
            )


def _among(known: Mapping[int, SchemaText]) -> Texts:
    return lambda ids: {id_: known[id_] for id_ in ids if id_ in known}


async def _registered(ids: Collection[int], settings: Settings) -> Mapping[int, SchemaText]:
    """Ask the registry. What it does not know is left out: records that name it are dead letters."""
    registry = Registry(settings.registry)
    found: dict[int, SchemaText] = {}
    try:
        for id_ in ids:
            try:
                text = await registry.schema(id_)
            except UnknownSchemaError:
                continue
            event = _event_of(text)
            if event:
                found[id_] = SchemaText(event=event, text=text)
    finally:
        await registry.close()
    return found


def _event_of(text: str) -> str:
    """Return which of our events a schema is of; empty: of none."""
    try:
        schema = json.loads(text)
        subject = f"{schema['namespace']}.{schema['name']}"
    except (ValueError, TypeError, KeyError):
        return ""
    return next((event for event, all_ in packaged().items() if all_[-1].subject == subject), "")
