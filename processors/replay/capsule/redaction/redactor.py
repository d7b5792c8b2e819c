"""Events, keys and rules without names; what refers to an observation refers to it still."""

from collections.abc import Mapping
from typing import Any

from processors.replay.capsule.redaction.derived import References, identity
from processors.replay.capsule.redaction.fields import NAMED, Treatment
from processors.replay.capsule.redaction.names import Pseudonyms, Seen
from processors.replay.capsule.redaction.shape import changed
from schemas.codec import Event
from schemas.topics import Topic

# What the keys of a topic are; of the others they are nobody's.
_KEYS: Mapping[str, Treatment] = {
    "node_id": Treatment.NODE,
    "request_id": Treatment.REQUEST,
    "fleet": Treatment.FLEET,
}


class Census:
    """Takes every event once: which names there are, and what ids follow from."""

    def __init__(self) -> None:
        self.seen = Seen()
        self.references = References()

    def take(self, event: Event) -> None:
        """Take an event."""
        changed(event, self.seen.act)
        self.references.take(event)


class Redactor:
    """Replaces names. ``rules``: of the digest of rules, what it becomes."""

    def __init__(self, names: Pseudonyms, references: References, rules: Mapping[str, str]) -> None:
        self._sentences: dict[tuple[str, str], str] = {}
        self._names = names
        self._rules = {"default": "default", **rules}
        self._references = references

    def event(self, event: Event) -> Event:
        """Return an event without names."""
        found: Any = changed(event, self._text)
        if not hasattr(found, "id"):
            return event if found is event else found  # type: ignore[no-any-return]  # any view
        id_ = identity(event, found)
        found = found if id_ is None else found._replace(id=id_)
        said = self._sentences.get((found.id, getattr(event, "text", "")))
        return found if said is None else found._replace(text=said)  # type: ignore[no-any-return]

    def sentence(self, id_: str, before: str, after: str) -> None:
        """Say what a stage said where it says ``after`` now, in the event that has ``id_`` now."""
        self._sentences[id_, before] = after

    def key(self, topic: Topic, key: str | None) -> str | None:
        """Return the key of a record without names."""
        if not key:
            return key
        if key.startswith("~"):  # a word of ours, and what it is about: ~tags/NODE
            word, slash, name = key.partition("/")
            return word + slash + self._text(_KEYS["node_id"] if word == "~tags" else Treatment.OPAQUE, name)
        return self._text(_KEYS.get(topic.key, Treatment.OPAQUE), key)

    def reference(self, id_: str) -> str:
        """Return what the id of an observation or of an alert becomes."""
        return self._text(Treatment.REFERENCE, id_)

    def name(self, name: str) -> str:
        """Return what stands for a name."""
        return self._names.name(name)

    def _text(self, found: Treatment, text: str) -> str:
        if not text:
            return text
        if found in NAMED:
            return self._names.name(text)
        match found:
            case Treatment.MIXED:
                return self._names.mixed(text)
            case Treatment.REQUEST:
                return self._names.request(text)
            case Treatment.REFERENCE:
                known = self._names.known()
                return self._references.derived(text, lambda word: known.get(word, word)) or self._names.uuid(
                    text
                )
            case Treatment.IDENTITY:
                return self._names.uuid(text)
            case Treatment.RULES:
                return self._rules.get(text) or self._names.opaque(text)
            case Treatment.FREE:
                return ""
            case _:
                return self._names.opaque(text)
