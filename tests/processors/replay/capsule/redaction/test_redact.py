"""Without names an incident is judged the same; and no name is left in any byte."""

import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import fastavro
import pytest

from processors.replay.capsule.create import create
from processors.replay.capsule.reader import Capsule
from processors.replay.capsule.redaction.fields import KEPT_VALUES, NAMED, Treatment
from processors.replay.capsule.redaction.names import Pseudonyms
from processors.replay.capsule.redaction.redact import redact
from processors.replay.capsule.redaction.redactor import Census, Redactor
from processors.replay.capsule.redaction.shape import changed
from processors.replay.capsule.verify import verify
from processors.replay.facts import Intake
from schemas.codec import Event
from schemas.events.alert import Alert
from schemas.events.observation import Observation
from schemas.events.operator_action import OperatorAction
from schemas.topics import OBSERVATIONS, PANES
from tests.processors.replay.capsule.conftest import MINUTE, texts, wish
from tests.processors.replay.recorded import ListSource, Live

# Texts of which nothing may be left. What is free is blank, or said again.
_SECRET = (*NAMED, Treatment.REQUEST, Treatment.OPAQUE, Treatment.REFERENCE, Treatment.IDENTITY)

# Words of a name that may stand elsewhere: shorter ones are in every file.
_LEAST = 5


@pytest.fixture(scope="module")
def redacted(capsule: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("redacted") / "incident.capsule"
    redact(capsule, target, b"salt")
    return target


def events(path: Path) -> list[Event]:
    with Capsule(path) as capsule:
        intake = Intake(capsule.codec(), {})
        found = [intake.read(one) for one in capsule.records([part.topic for part in capsule.manifest.parts])]
    return [one for one in found if one is not None]


def everything(path: Path) -> bytes:
    """Return all bytes of a capsule, decompressed."""
    parts: list[bytes] = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as entry:
                if not name.endswith(".avro"):
                    parts.append(entry.read())
                    continue
                for row in fastavro.reader(entry):
                    assert isinstance(row, dict)
                    parts += [str(row["key"]).encode(), row["value"]]
    return b"\0".join(parts)


def secrets(path: Path) -> set[str]:
    """Return every text of every event that must not be left."""
    found: set[str] = set()

    def act(treatment: Treatment, text: str) -> str:
        if treatment in _SECRET and text not in KEPT_VALUES and len(text) >= _LEAST:
            found.add(text)
        return text

    for event in events(path):
        changed(event, act)
    return found


def test_it_is_judged_the_same(capsule: Path, redacted: Path) -> None:
    found, before = verify(redacted), verify(capsule)
    assert found.outcome.verdict.differences == []
    assert found.equal
    assert found.outcome.counts == before.outcome.counts
    assert found.outcome.digest.total() != before.outcome.digest.total()


def test_patterns_onsets_and_severities_are_those_of_before(capsule: Path, redacted: Path) -> None:
    def essence(path: Path) -> list[tuple[object, ...]]:
        return [
            (type(one), one.pattern, one.onset_at, one.occurred_at, one.severity, one.revision, one.reason)
            for one in events(path)
            if isinstance(one, Observation)
        ]

    assert essence(redacted) == essence(capsule) != []


def test_no_name_is_left(capsule: Path, redacted: Path) -> None:
    names = secrets(capsule)
    assert {"node-1", "node-2", "node-3", "llama-3.1-8b", "llamacpp:8080", "somebody"} <= names
    hay = everything(redacted)
    # A pseudonym has its kind before it: "node-1" is in "node-1-5be1". Whole words count.
    words = {word.decode() for word in re.findall(rb"[\w:./-]{5,}", hay)}
    assert names & words == set()
    few = [name for name in names if not re.fullmatch(r"[0-9a-f-]{8,}|node-\d", name)]
    assert 5 < len(few) < 100
    assert [name for name in few if name.encode() in hay] == []
    assert b"Acme" not in hay


def test_ids_still_refer(redacted: Path) -> None:
    """The operator's action is about an observation that is there, and it was acknowledged by somebody."""
    found = events(redacted)
    (action,) = [one for one in found if isinstance(one, OperatorAction)]
    about = [one for one in found if isinstance(one, Observation) and one.observation_id == action.target_id]
    assert about
    assert any(one.acknowledged_by == action.by != "" for one in about)
    known = {one.observation_id for one in found if isinstance(one, Observation)}
    assert all(set(one.observations) <= known for one in found if isinstance(one, Alert))


def test_rules_have_no_names_and_no_comments(redacted: Path) -> None:
    with Capsule(redacted) as capsule:
        rules = capsule.manifest.settings.rules
    assert re.search(r'nodes"?\."node-\d-[0-9a-f]{4}"', rules)
    assert '"for_s" = 130' in rules
    assert "somebody" not in rules


def test_sentences_are_those_that_stages_say_now(capsule: Path, redacted: Path) -> None:
    def said(path: Path) -> list[str]:
        return [one.text for one in events(path) if isinstance(one, Observation)]

    assert len(said(redacted)) == len(said(capsule))
    assert all(said(redacted))


def test_the_same_salt_gives_the_same_bytes_and_another_others(
    capsule: Path, redacted: Path, tmp_path: Path
) -> None:
    redact(capsule, tmp_path / "same", b"salt")
    assert (tmp_path / "same").read_bytes() == redacted.read_bytes()


def test_a_node_alone(live: Live, tmp_path: Path) -> None:
    source = live.source()
    source.name = "/home/acme/incident.avro"
    wanted = wish(source, nodes=("node-1",), begins=live.log[0].arrived_at - 10 * MINUTE)
    wanted = replace(wanted, warm_up=wanted.warm_up._replace(notes=(f"{source.name} begins later",)))
    create(source, texts, wanted, tmp_path / "plain")
    made = redact(tmp_path / "plain", tmp_path / "redacted", b"x")
    assert verify(tmp_path / "redacted").equal
    assert b"acme" not in everything(tmp_path / "redacted")
    (name,) = made.manifest.selection.nodes
    assert name.startswith("node-1-")


def test_names_that_are_words_of_ours(live: Live, tmp_path: Path) -> None:
    """Nodes, racks and models may be called as anything is: then sentences have these words twice."""
    codec, log = live.codec, live.log
    called = {"node-1": "requests", "node-2": "power", "node-3": "host"}

    def act(treatment: Treatment, text: str) -> str:
        return called.get(text, text) if treatment is Treatment.NODE else text

    facts = [
        one._replace(
            key=called.get(one.key or "", one.key), value=codec.encode(changed(codec.decode(one.value), act))
        )
        for one in log
        if one.topic in ("telemetry", "requests")
    ]
    source = ListSource(codec, facts)
    create(source, texts, wish(source, rules=""), tmp_path / "plain")
    redact(tmp_path / "plain", tmp_path / "redacted", b"x")
    assert verify(tmp_path / "redacted").equal


def test_the_manifest_has_no_names_either(redacted: Path) -> None:
    with zipfile.ZipFile(redacted) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["redacted"] is True
    assert all(
        not key or key.startswith(("node-", "fleet-", "~"))
        for one in manifest["recomputed"].values()
        for key in one["keys"]
    )


def test_topics_are_the_same(capsule: Path, redacted: Path) -> None:
    with Capsule(capsule) as one, Capsule(redacted) as other:
        for before, after in zip(one.manifest.parts, other.manifest.parts, strict=True):
            assert (before.topic, before.records) == (after.topic, after.records)
        assert {PANES.name, OBSERVATIONS.name} <= {part.topic for part in other.manifest.parts}


def test_what_people_write_is_left_out() -> None:
    census = Census()
    action = OperatorAction("1", 1, "alert", "2", "prod", "node-1", "dismiss", "Ann", "ask Acme's Bob", 0)
    census.take(action)
    after = Redactor(Pseudonyms(census.seen.names, 4, b"x"), census.references, {}).event(action)
    assert isinstance(after, OperatorAction)
    assert after.note == ""
    assert after.by.startswith("person-")
    assert (after.action, after.occurred_at) == ("dismiss", 1)
