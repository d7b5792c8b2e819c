"""Names and their pseudonyms.

A pseudonym is a kind, a rank and some characters: ``node-07-5be1``. The rank is the name's place among all
names of its kind, so that whatever sorts by name, or breaks a tie by it, does the same as before. The rest
comes from a salt that is thrown away: the same node has another pseudonym in the next capsule, and nobody can
try names out. It is also chosen so that the pseudonym goes to the partition of the name, and that a model's
name still tells the size and the format of its weights, which judgements need.
"""

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

from processors.patterns.weights import weights
from processors.replay.capsule.redaction.fields import KEPT_VALUES, NAMED, Treatment
from schemas.errors import RefusedError
from schemas.partition import partition_of

# More tries than any sensible number of partitions and any name of a model need.
_TRIES = 20_000
_SUFFIX = 4
_RUNS = re.compile(r"\w+")
# Names that stand inside other words: of a reading, of what nodes share. A node may be called as anything is.
_INSIDE = (Treatment.GPU, Treatment.RUNTIME, Treatment.MODEL, Treatment.TAG, Treatment.FLEET)
_SEPARATORS = re.compile(r"[-_ :/@]+")


class Seen:
    """The names that are found while all events are read once."""

    def __init__(self) -> None:
        self.names: dict[Treatment, set[str]] = {kind: set() for kind in (*NAMED, Treatment.REQUEST)}

    def act(self, found: Treatment, text: str) -> str:
        """Take a text; as ``shape.changed`` calls it."""
        if text not in KEPT_VALUES and found in self.names:
            self.names[found].add(text)
        return text

    def add(self, found: Treatment, texts: Iterable[str]) -> None:
        """Take names from elsewhere, as the rules have them."""
        for text in texts:
            self.act(found, text)


class Pseudonyms:
    """What stands for each name. Equal ``salt``, ``seen`` and ``partitions`` give equal pseudonyms."""

    def __init__(self, seen: Mapping[Treatment, set[str]], partitions: int, salt: bytes) -> None:
        self._salt = salt
        self._partitions = partitions
        self._of: dict[str, str] = {}
        self._inside = {name for kind in _INSIDE for name in seen[kind]}
        for kind in NAMED:
            names = sorted(seen[kind])
            width = len(str(len(names)))
            for rank, name in enumerate(names, 1):
                if name not in self._of:
                    self._of[name] = self._pseudonym(kind, f"{rank:0{width}d}", name)
        self._requests = sorted(seen[Treatment.REQUEST])
        self.mixed = lru_cache(65_536)(self._mixed)
        self.opaque = lru_cache(65_536)(self._opaque)
        self.request = lru_cache(65_536)(self._request)

    def name(self, text: str) -> str:
        """Return the pseudonym of a name; one that was never seen is opaque."""
        if text in KEPT_VALUES:
            return text
        return self._of.get(text) or self.opaque(text)

    def known(self) -> Mapping[str, str]:
        """Return every name and what stands for it, without requests."""
        return self._of

    def uuid(self, text: str) -> str:
        """Return a random-looking UUID that stands for an id."""
        found = self._keyed("id", text)
        return f"{found[:8]}-{found[8:12]}-8{found[13:16]}-8{found[17:20]}-{found[20:32]}"

    def _opaque(self, text: str) -> str:
        return text if text in KEPT_VALUES else self._keyed("opaque", text)[:16]

    def _request(self, text: str) -> str:
        """Return an id in the order of the request's own: facts of one moment are taken in it."""
        if not text:
            return text
        rank = bisect_left(self._requests, text)
        rest = self._keyed("request", text)
        return f"{rank:08x}-{rest[:4]}-8{rest[5:8]}-8{rest[9:12]}-{rest[12:24]}"

    def _mixed(self, text: str) -> str:
        """Return a text with names replaced, the longest first, whole words only."""
        if text in self._of or text in KEPT_VALUES:
            return self._of.get(text, text)
        runs = [match.span() for match in _RUNS.finditer(text)]
        parts: list[str] = []
        done = index = 0
        while index < len(runs):
            begin = runs[index][0]
            for last in range(len(runs) - 1, index - 1, -1):
                name = text[begin : runs[last][1]]
                if name in self._inside:
                    parts += [text[done:begin], self._of[name]]
                    done, index = runs[last][1], last
                    break
            index += 1
        return "".join([*parts, text[done:]])

    def _pseudonym(self, kind: Treatment, rank: str, name: str) -> str:
        wanted = partition_of(name, self._partitions) if kind is Treatment.NODE else 0
        kept = _told_by(name) if kind is Treatment.MODEL else ""
        for attempt in range(_TRIES):
            suffix = self._keyed(kind.value, f"{attempt}\x1f{name}")[:_SUFFIX]
            found = f"{kind.value}-{rank}-{suffix}{kept}"
            if kind is Treatment.MODEL:
                fits = _same_weights(found, name)
            else:
                fits = kind is not Treatment.NODE or partition_of(found, self._partitions) == wanted
            if fits:
                return found
        raise RefusedError(f"the {kind.value} {name!r} cannot be given a pseudonym that is judged alike")

    def _keyed(self, kind: str, text: str) -> str:
        return blake2b(f"{kind}\x1f{text}".encode(), key=self._salt, digest_size=16).hexdigest()


def _told_by(model: str) -> str:
    """Return the words of a model's name that tell its size and the format of its weights."""
    words = [word for word in _SEPARATORS.split(model.lower()) if word]
    for word in tuple(words):
        fewer = words.copy()
        fewer.remove(word)
        if _same_weights("-".join(fewer), model):
            words = fewer
    return "".join(f"-{word}" for word in words)


def _same_weights(one: str, other: str) -> bool:
    """Return whether two names tell the same of weights, whether the runtime tells their number or not."""
    return all(
        _equal(weights(one, count, kind), weights(other, count, kind))
        for count in (math.nan, 1e9)
        for kind in ("", "Q4_K_M")
    )


def _equal(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a == b or (a != a and b != b) for a, b in zip(one, other, strict=True))
