"""Subjects, their versions and levels, in one file that is replaced as a whole.

A change is on disk before it is answered: a new file is written, synced and renamed over the old one. So
after kill -9 or power loss the file is the old or the new one. A file that cannot be read all the same is an
error that says what to do; nothing is guessed from it.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from infra.embedded.registry.compatibility import Level
from infra.embedded.registry.normal_form import Schema, candidate_ids, parse
from infra.embedded.registry.problem import Problem, store_failed
from schemas.errors import ConfigError

FORMAT = 1
DEFAULT_LEVEL: Level = "BACKWARD"


@dataclass(frozen=True, slots=True)
class Subject:
    """The ids of its versions, version 1 first, and its own level if it has one."""

    ids: tuple[int, ...] = ()
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """All that is kept."""

    level: Level = DEFAULT_LEVEL
    schemas: Mapping[int, Schema] = field(default_factory=dict)
    subjects: Mapping[str, Subject] = field(default_factory=dict)


class Store:
    """The contents and their file. ``candidates`` yields the ids a schema may get, best first."""

    def __init__(self, file: Path, candidates: Callable[[str], Iterator[int]] = candidate_ids) -> None:
        self._file = file
        self._candidates = candidates
        self.contents = _read(file)

    def id_of(self, schema: Schema) -> int:
        """Return the id that the schema has or would get."""
        known = self.contents.schemas
        return next(
            id_
            for id_ in self._candidates(schema.normal)
            if id_ not in known or known[id_].normal == schema.normal
        )

    def add(self, subject: str, schema: Schema) -> int:
        """Make the schema the next version of the subject and return its id.

        Raises:
            Problem: 50001, it cannot be written.
        """
        now, id_ = self.contents, self.id_of(schema)
        entry = now.subjects.get(subject, Subject())
        schemas = now.schemas if id_ in now.schemas else {**now.schemas, id_: schema}
        changed = replace(entry, ids=(*entry.ids, id_))
        self._keep(replace(now, schemas=schemas, subjects={**now.subjects, subject: changed}))
        return id_

    def set_level(self, subject: str | None, level: Level | None) -> None:
        """Set the level of a subject, or with ``subject`` None of all; ``level`` None takes it back.

        Raises:
            Problem: 50001, it cannot be written.
        """
        now = self.contents
        if subject is None:
            self._keep(replace(now, level=level or DEFAULT_LEVEL))
            return
        entry = replace(now.subjects.get(subject, Subject()), level=level)
        self._keep(replace(now, subjects={**now.subjects, subject: entry}))

    def _keep(self, contents: Contents) -> None:
        try:
            _replace_file(self._file, _dumped(contents))
        except OSError as exc:
            raise store_failed(f"{self._file}: {exc.strerror}") from exc
        self.contents = contents


def _replace_file(file: Path, text: str) -> None:
    fresh = file.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as output:
        output.write(text)
        output.flush()
        os.fsync(output.fileno())
    fresh.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _dumped(contents: Contents) -> str:
    tree = {
        "format": FORMAT,
        "level": contents.level,
        "schemas": {str(id_): schema.text for id_, schema in contents.schemas.items()},
        "subjects": {
            name: {"ids": entry.ids, "level": entry.level} for name, entry in contents.subjects.items()
        },
    }
    return json.dumps(tree, indent=1, ensure_ascii=False)


def _read(file: Path) -> Contents:
    if not file.exists():
        return Contents()
    try:
        return _loaded(json.loads(file.read_text("utf-8")))
    except OSError as exc:
        raise ConfigError(f"the registry's file {file} cannot be read: {exc.strerror}") from exc
    except (ValueError, KeyError, TypeError, AttributeError, Problem) as exc:
        raise ConfigError(
            f"the registry's file {file} is damaged ({exc}): restore it, or move it away and start again; "
            "Penstock's own schemas then get the ids they had, those of others must be registered again"
        ) from exc


def _loaded(tree: dict[str, Any]) -> Contents:
    if tree["format"] != FORMAT:
        raise ValueError(f"format {tree['format']}, not {FORMAT}")
    schemas = {int(id_): parse(text) for id_, text in tree["schemas"].items()}
    subjects = {
        name: Subject(tuple(entry["ids"]), entry["level"]) for name, entry in tree["subjects"].items()
    }
    levels = {tree["level"]} | {entry.level for entry in subjects.values() if entry.level}
    if not levels <= set(get_args(Level)):
        raise ValueError(f"unknown levels {levels}")
    if any(id_ not in schemas for entry in subjects.values() for id_ in entry.ids):
        raise ValueError("a version's schema is missing")
    return Contents(tree["level"], schemas, subjects)
