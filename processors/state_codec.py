"""States as bytes: the Avro schema of a stage's state follows from its NamedTuples.

A state is written and read by stages of one version only, so it needs no registry: eight bytes of the digest
of the schema stand first, and bytes of another schema are refused.
"""

import hashlib
import json
import struct
import typing
from typing import Any, Generic, Literal, TypeVar, cast

from schemas.codec.compiler import Compiler
from schemas.errors import DecodeError

State = TypeVar("State", bound=tuple[Any, ...])

_PRIMITIVES: dict[type, str] = {int: "long", float: "double", str: "string", bool: "boolean", bytes: "bytes"}
_DIGEST_BYTES = 8


class StateCodec(Generic[State]):
    """Encodes and decodes one type of state, a NamedTuple of numbers, texts, tuples and NamedTuples."""

    def __init__(self, kind: type[State]) -> None:
        views: dict[str, type[tuple[Any, ...]]] = {}
        schema = _avro(kind, views)
        text = json.dumps(schema, sort_keys=True).encode()
        self._digest = hashlib.sha256(text).digest()[:_DIGEST_BYTES]
        self._compiled = Compiler(schema, views)

    def encode(self, state: State) -> bytes:
        """Return the bytes of a state; equal states give equal bytes."""
        parts = [self._digest]
        self._compiled.write(state, parts.append)
        return b"".join(parts)

    def decode(self, raw: bytes) -> State:
        """Return the state in ``raw``.

        Raises:
            DecodeError: the bytes are of another version of the stage, or damaged.
        """
        if raw[:_DIGEST_BYTES] != self._digest:
            raise DecodeError("the state was stored by another version of the stage")
        try:
            state, end = self._compiled.read(raw, _DIGEST_BYTES)
        except (struct.error, IndexError, UnicodeDecodeError) as exc:
            raise DecodeError(f"the stored state is damaged: {exc}") from exc
        if end != len(raw):
            raise DecodeError(f"{len(raw) - end} bytes are left over after the stored state")
        return cast(State, state)


def _avro(kind: Any, views: dict[str, type[tuple[Any, ...]]]) -> Any:  # noqa: ANN401 - types are values here
    if kind in _PRIMITIVES:
        return _PRIMITIVES[kind]
    origin = typing.get_origin(kind)
    if origin is Literal:
        return "string"
    if origin is tuple:
        return {"type": "array", "items": _avro(typing.get_args(kind)[0], views)}
    if kind.__name__ in views:
        return kind.__name__
    views[kind.__name__] = kind
    hints = typing.get_type_hints(kind)
    fields = [{"name": name, "type": _avro(hint, views)} for name, hint in hints.items()]
    return {"type": "record", "name": kind.__name__, "fields": fields}
