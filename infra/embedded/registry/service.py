"""What a schema registry does, without HTTP: register, look up, compare."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from infra.embedded.registry import problem
from infra.embedded.registry.compatibility import Level, violations
from infra.embedded.registry.normal_form import Schema, parse
from infra.embedded.registry.store import Store, Subject

Answer = dict[str, Any]
LEVELS: tuple[Level, ...] = get_args(Level)
TYPES = ("AVRO",)
_LARGEST_VERSION = 2**31 - 1


class Registry:
    """The registry's answers as values; every refusal is a ``Problem``."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def register(self, subject: str, body: Answer) -> Answer:
        """Make a schema the subject's next version, unless it has it, and return its id."""
        schema = self._schema(body)
        id_, entry = self._store.id_of(schema), self._entry(subject)
        if id_ in entry.ids:
            return {"id": id_}
        found = violations(schema, self._schemas(entry), self._level(subject))
        if found:
            raise problem.incompatible("; ".join(found))
        return {"id": self._store.add(subject, schema)}

    def look_up(self, subject: str, body: Answer) -> Answer:
        """Say under which version the subject has a schema."""
        schema = self._schema(body)
        id_, ids = self._store.id_of(schema), self._known(subject).ids
        if id_ not in ids:
            raise problem.no_schema()
        return self._version(subject, ids.index(id_) + 1)

    def subjects(self, prefix: str = "") -> list[str]:
        """List the subjects that have versions."""
        known = self._store.contents.subjects
        return sorted(name for name, entry in known.items() if entry.ids and name.startswith(prefix))

    def versions(self, subject: str) -> list[int]:
        """List the versions of a subject."""
        return list(range(1, len(self._known(subject).ids) + 1))

    def version(self, subject: str, version: str) -> Answer:
        """Return one version, or ``latest`` (also ``-1``)."""
        return self._version(subject, self._number(subject, version))

    def schema(self, schema_id: str) -> Answer:
        """Return the text behind an id."""
        return {"schema": self._by_id(schema_id).text}

    def all_schemas(self, prefix: str = "") -> list[Answer]:
        """List every version of every subject."""
        return [
            self._version(name, number) for name in self.subjects(prefix) for number in self.versions(name)
        ]

    def uses(self, schema_id: str) -> list[Answer]:
        """List subjects and versions that have a schema."""
        self._by_id(schema_id)
        return list(self._uses(int(schema_id)))

    def compatible(self, subject: str, version: str | None, body: Answer, *, verbose: bool) -> Answer:
        """Say whether a schema may follow one version, or with None all that the subject's level names."""
        schema, level = self._schema(body), self._level(subject)
        earlier = self._schemas(self._entry(subject))
        if version is not None:
            number = self._number(subject, version)
            earlier = earlier[number - 1 : number]
        found = violations(schema, earlier, level)
        answer: Answer = {"is_compatible": not found}
        return answer | {"messages": list(found)} if verbose else answer

    def level(self, subject: str | None, *, or_global: bool = False) -> Answer:
        """Return the level of all subjects, or of one."""
        entry = self._entry(subject) if subject is not None else None
        if entry and not entry.level and not or_global:
            raise problem.no_subject_config(str(subject))
        return {"compatibilityLevel": (entry.level if entry else None) or self._store.contents.level}

    def set_level(self, subject: str | None, body: Answer) -> Answer:
        """Set a level."""
        wanted = body.get("compatibility")
        chosen = next((level for level in LEVELS if level == str(wanted).upper()), None)
        if chosen is None:
            raise problem.invalid_level(wanted)
        self._store.set_level(subject, chosen)
        return {"compatibility": chosen}

    def unset_level(self, subject: str | None) -> Answer:
        """Take a level back and return what it was."""
        was = self.level(subject)
        self._store.set_level(subject, None)
        return was

    def _schema(self, body: Answer) -> Schema:
        if body.get("schemaType", "AVRO") != "AVRO":
            raise problem.invalid_schema(f"only AVRO is kept here, not {body['schemaType']}")
        if body.get("references"):
            raise problem.invalid_schema("references are not resolved here: put the types into the schema")
        text = body.get("schema")
        if not isinstance(text, str):
            raise problem.invalid_schema("the request has no text 'schema'")
        return parse(text)

    def _entry(self, subject: str) -> Subject:
        return self._store.contents.subjects.get(subject, Subject())

    def _known(self, subject: str) -> Subject:
        entry = self._entry(subject)
        if not entry.ids:
            raise problem.no_subject(subject)
        return entry

    def _schemas(self, entry: Subject) -> Sequence[Schema]:
        return [self._store.contents.schemas[id_] for id_ in entry.ids]

    def _level(self, subject: str) -> Level:
        return self._entry(subject).level or self._store.contents.level

    def _number(self, subject: str, version: str) -> int:
        count = len(self._known(subject).ids)
        if version in ("latest", "-1"):
            return count
        if not (version.isascii() and version.isdigit() and 1 <= int(version) <= _LARGEST_VERSION):
            raise problem.invalid_version(version)
        if int(version) > count:
            raise problem.no_version(int(version))
        return int(version)

    def _version(self, subject: str, number: int) -> Answer:
        id_ = self._known(subject).ids[number - 1]
        text = self._store.contents.schemas[id_].text
        return {"subject": subject, "version": number, "id": id_, "schema": text}

    def _by_id(self, schema_id: str) -> Schema:
        known = self._store.contents.schemas
        if not (schema_id.isascii() and schema_id.isdigit() and int(schema_id) in known):
            raise problem.no_schema(schema_id)
        return known[int(schema_id)]

    def _uses(self, schema_id: int) -> Iterator[Answer]:
        for name in self.subjects():
            for number, id_ in enumerate(self._entry(name).ids, 1):
                if id_ == schema_id:
                    yield {"subject": name, "version": number}
