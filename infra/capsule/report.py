"""What is said of a capsule: what is in it, and what came of replaying it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from infra.replay.report import difference
from processors.replay.capsule.manifest import Manifest
from processors.replay.capsule.verify import Changed, Verified
from processors.replay.digest import total_of
from processors.replay.outcome import Outcome
from processors.replay.prepare import moment

COLUMNS = ("topic", "records", "kB", "becomes kB", "from", "to", "said live", "replayed")
_KB = 1000


def digest_of(manifest: Manifest) -> str:
    """Return one digest of all that is in a capsule: of its manifest, which has those of its parts."""
    return hashlib.sha256(manifest.encode()).hexdigest()


def said(manifest: Manifest) -> str:
    """Return the digest of what a replay said when it was made; ``penstock replay`` prints the same."""
    return total_of({topic: told.digest for topic, told in manifest.recomputed.items()})


def head(path: Path, manifest: Manifest) -> Iterator[str]:
    """Yield what a capsule is of."""
    times, settings, selection = manifest.times, manifest.settings, manifest.selection
    names = ", without names" if manifest.redacted else ""
    yield f"{path}: format {manifest.format}, of Penstock {manifest.penstock}{names}"
    yield f"range {moment(times.since)} to {moment(times.until)}, warm-up since {moment(times.read_from)}"
    yield "warm-up exact" if manifest.exact else "warm-up not exact: what is learned over longer begins anew"
    of = f"{selection.asked} {selection.id}".strip()
    nodes = ", ".join(selection.nodes) or "all"
    yield f"of: {of}; fleet {selection.fleet or 'all'}; nodes {nodes}; {manifest.partitions} partitions"
    rules = f"{len(settings.rules.splitlines())} lines of rules" if settings.rules else "default rules"
    yield f"stages {', '.join(settings.stages)}; PUE {settings.pue:g}; {rules}"
    for reason, count in sorted(manifest.left_out.items()):
        yield f"left out: {count:,} {reason}"
    for note in manifest.notes:
        yield f"note: {note}"


def rows(manifest: Manifest) -> list[Sequence[object]]:
    """Return a row for each topic that is in it, or that a replay writes."""
    parts = {part.topic: part for part in manifest.parts}
    found: list[Sequence[object]] = []
    for topic in sorted(parts.keys() | manifest.recomputed.keys()):
        part, live, replayed = parts.get(topic), manifest.seen.get(topic), manifest.recomputed.get(topic)
        about: Sequence[object] = ("", "", "", "", "")
        if part is not None:
            sizes = f"{part.bytes / _KB:,.0f}", f"{part.plain_bytes / _KB:,.0f}"
            about = f"{part.records:,}", *sizes, moment(part.first_at), moment(part.last_at)
        counts = (f"{one.records:,}" if one else "" for one in (live, replayed))
        found.append((topic, *about, *counts))
    return found


def end(manifest: Manifest) -> Iterator[str]:
    """Yield the digests."""
    yield f"replayed {said(manifest)}"
    yield f"capsule {digest_of(manifest)}"


def verdict(manifest: Manifest, outcome: Outcome, changed: Sequence[Changed]) -> Iterator[str]:
    """Yield whether a replay says the same as when the capsule was made, and as live."""
    here = version("penstock")
    if changed:
        yield f"not as when it was made, by Penstock {manifest.penstock}; this is {here}"
        yield from _changes(changed)
    else:
        yield "equal to what a replay said when it was made"
    if not manifest.seen:
        yield "nothing that was said live is in it to compare with"
    elif outcome.verdict.equal:
        yield "equal to what was said live"
    else:
        yield "not equal to what was said live; the first difference:"
        yield from difference(outcome.verdict.differences[0])
        if not manifest.exact:
            yield "the warm-up is not exact: what is learned over longer than it may be why"


def _changes(changed: Sequence[Changed]) -> Iterator[str]:
    first = changed[0]
    about = f"{first.topic} of {first.key}" if first.key else first.topic
    yield f"the first difference is in {about}: {_events(first.was)} then, {_events(first.now)} now"
    if len(changed) > 1:
        yield f"and {len(changed) - 1} more topics and keys"


def _events(told: tuple[int, str]) -> str:
    count, digest = told
    return f"{count:,} events ({digest[:12]})" if count else "nothing"


def as_json(verified: Verified) -> Mapping[str, Any]:
    """Return a verdict as JSON can hold it."""
    live = verified.outcome.verdict
    return {
        "equal": verified.equal,
        "redacted": verified.manifest.redacted,
        "made_by": verified.manifest.penstock,
        "replayed_by": version("penstock"),
        "as_made": not verified.changed,
        "as_live": live.equal if verified.manifest.seen else None,
        "changed": [[one.topic, one.key, one.was, one.now] for one in verified.changed],
        "first": list(difference(live.differences[0])) if live.differences else [],
        "digest": verified.outcome.digest.total(),
    }
