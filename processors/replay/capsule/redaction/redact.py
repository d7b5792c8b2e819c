"""A capsule without names, from one with: replayed both ways, and written only if both say the same.

The same: as many events in each topic and under each key, each equal in every field to what it was, names
aside. Ids follow from names and are derived anew; sentences are those that the stages say now.
"""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from processors.replay.capsule.create import Made
from processors.replay.capsule.manifest import Manifest, SchemaText
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.redaction import rules
from processors.replay.capsule.redaction.names import Pseudonyms
from processors.replay.capsule.redaction.redactor import Census, Redactor
from processors.replay.capsule.replaying import builder, replay, rules_of, told
from processors.replay.capsule.writer import Draft, drafting
from processors.replay.digest import NAMES, Digest, canonical
from processors.replay.facts import BY_NAME, Intake, derived
from processors.replay.share import Report, Said
from schemas.codec import EVENT_TYPES, Codec, Event
from schemas.codec.catalog import latest
from schemas.errors import RefusedError
from schemas.log_file import LogRecord
from schemas.topics import ALERTS, OBSERVATIONS, SNAPSHOTS, TELEMETRY

# Their sentences are known when the replay without names has said them.
_WITH_SENTENCES = (OBSERVATIONS.name, ALERTS.name)
_SNAPSHOTS_NOTE = "states from snapshots are not in it, as they are full of names: the warm-up begins cold"


def redact(
    path: Path,
    target: Path,
    salt: bytes,
    *,
    jobs: int = 1,
    report: Report = lambda _at, _count: None,
) -> Made:
    """Write the capsule at ``path`` to ``target`` without names.

    ``salt``: random bytes that nobody keeps: whoever has them can try out names.

    Raises:
        CapsuleError: the capsule is damaged.
        RefusedError: it would be judged otherwise without names, or the disk does not take it.
    """
    with Capsule(path) as capsule:
        capsule.check()
        work = _Work(capsule, salt, jobs, report)
        with drafting(target) as draft:
            return work.write(draft)


class _Said:
    """What a replay says, without sentences and ids of its own, to compare; and the sentences by id."""

    def __init__(self) -> None:
        self.digest = Digest()
        self.sentences: dict[str, str] = {}

    def take(self, topic: str, key: str | None, event: Event) -> None:
        text = getattr(event, "text", "")
        if text:
            self.sentences[event.id] = text  # type: ignore[union-attr]  # whatever has a text has an id
            event = event._replace(text="")  # type: ignore[call-arg]
        self.digest.add(canonical(BY_NAME[topic], key, event))


class _Work:
    def __init__(self, capsule: Capsule, salt: bytes, jobs: int, report: Report) -> None:
        self._capsule = capsule
        self._before = capsule.manifest
        self._jobs = jobs
        self._report = report
        self._intake = Intake(capsule.codec(), {})
        self._topics = [part.topic for part in self._before.parts if part.topic != SNAPSHOTS.name]
        self._census = self._counted()
        names = Pseudonyms(self._census.seen.names, self._before.partitions, salt)
        self._rules, digests = self._new_rules(names)
        self._redactor = Redactor(names, self._census.references, digests)
        self._schemas, self._codec = _newest(self._before)
        self._derived = derived(builder(self._before)())
        self._seen = Digest()

    def write(self, draft: Draft) -> Made:
        """Write everything."""
        self._intake.unreadable = 0
        draft.write(self._records([topic for topic in self._topics if topic not in _WITH_SENTENCES]))
        preliminary = self._manifest(draft, draft.joined())
        was, now = self._said_before(), _Said()

        def take(said: Said) -> None:
            now.take(said.record.topic.name, said.record.key, said.record.event)

        outcome = replay(draft.path, preliminary, draft=True, jobs=self._jobs, take=take, report=self._report)
        self._require_same(was.digest, now.digest)
        for id_, sentence in was.sentences.items():
            self._redactor.sentence(id_, sentence, now.sentences[id_])
        draft.write(self._records(_WITH_SENTENCES))
        sealed = self._manifest(draft, draft.joined()).model_copy(
            update={"recomputed": told(outcome.digest), "seen": told(self._seen) if self._comparable else {}}
        )
        draft.seal(sealed)
        return Made(sealed, outcome)

    @property
    def _comparable(self) -> bool:
        """Return whether a replay without snapshots can be held against what was said live."""
        return bool(self._before.seen) and self._before.resume is None

    def _counted(self) -> Census:
        census = Census()
        for name, texts in rules.names(self._before.settings.rules).items():
            census.seen.add(name, texts)
        for record in self._capsule.records(self._topics):
            event = self._intake.read(record)
            if event is not None:
                census.take(event)
        return census

    def _new_rules(self, names: Pseudonyms) -> tuple[str, Mapping[str, str]]:
        """Return the rules without names, and what the digest of the rules becomes."""
        before = self._before.settings.rules
        after = rules.redacted(before, names.name) if before else ""
        return after, {rules_of(before).digest: rules_of(after).digest}

    def _records(self, topics: list[str] | tuple[str, ...]) -> Iterator[LogRecord]:
        for record in self._capsule.records(topics):
            event = self._intake.read(record)
            if event is None:
                continue
            topic, after = BY_NAME[record.topic], self._redactor.event(event)
            key = self._redactor.key(topic, record.key)
            said = NAMES[type(event)] in self._derived.get(record.topic, ()) and topic is not TELEMETRY
            if said and record.arrived_at >= self._before.times.since:
                self._seen.add(canonical(topic, key, after))
            yield record._replace(key=key, value=self._codec.encode(after))

    def _said_before(self) -> _Said:
        """Return what a replay with names says, its names replaced."""
        found, before = _Said(), self._before.model_copy(update={"resume": None})

        def take(said: Said) -> None:
            event = said.record.event
            self._census.references.take(event)
            text = getattr(event, "text", "")
            event = self._redactor.event(event)
            if text:
                event = event._replace(text=text)  # type: ignore[call-arg]  # as it was, to be found again
            found.take(said.record.topic.name, self._redactor.key(said.record.topic, said.record.key), event)

        replay(self._capsule.path, before, draft=True, jobs=self._jobs, take=take, report=self._report)
        return found

    def _require_same(self, was: Digest, now: Digest) -> None:
        if was.total() == now.total():
            return
        before = {(topic, key): found for topic, key, *found in was.places()}
        after = {(topic, key): found for topic, key, *found in now.places()}
        first = min(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))
        raise RefusedError(
            f"without names {first[0]} of {first[1] or 'all'} would not be the same; nothing was written"
        )

    def _manifest(self, draft: Draft, parts: object) -> Manifest:
        before, selection = self._before, self._before.selection
        # Notes are sentences that may say where the source was: a path, an address.
        notes = () if before.resume is None else (_SNAPSHOTS_NOTE,)
        return before.model_copy(
            update={
                "redacted": True,
                "selection": selection.model_copy(
                    update={
                        "id": self._redactor.reference(selection.id),
                        "fleet": selection.fleet and self._redactor.name(selection.fleet),
                        "nodes": tuple(sorted(map(self._redactor.name, selection.nodes))),
                    }
                ),
                "settings": before.settings.model_copy(update={"rules": self._rules}),
                "schemas": {
                    id_: one for id_, one in sorted(self._schemas.items()) if id_ in draft.schema_ids
                },
                "parts": parts,
                "seen": {},
                "recomputed": {},
                "resume": None,
                "exact": before.exact and before.resume is None,
                "left_out": self._left_out(),
                "notes": notes,
            }
        )

    def _left_out(self) -> Mapping[str, int]:
        found = dict(self._before.left_out)
        unreadable = found.get("unreadable", 0) + self._intake.unreadable
        return found | ({"unreadable": unreadable} if unreadable else {})


def _newest(manifest: Manifest) -> tuple[Mapping[int, SchemaText], Codec]:
    """Return the newest schema of every event under an id, its own where it has one, and a codec of them."""
    used = {(one.event, one.text): id_ for id_, one in manifest.schemas.items()}
    ids: dict[str, int] = {}
    for event in EVENT_TYPES:
        text = latest(event).text
        id_ = used.get((event, text))
        if id_ is None:
            id_ = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
            while id_ in manifest.schemas or id_ in ids.values():
                id_ += 1
        ids[event] = id_
    return {id_: SchemaText(event=event, text=latest(event).text) for event, id_ in ids.items()}, Codec(ids)
