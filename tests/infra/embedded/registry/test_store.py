import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from infra.embedded.registry.normal_form import parse
from infra.embedded.registry.problem import Problem
from infra.embedded.registry.service import Registry
from infra.embedded.registry.store import Store
from schemas.codec.catalog import packaged
from schemas.errors import ConfigError

LONG, STRING = parse('"long"'), parse('"string"')


def test_a_new_store_reads_what_an_old_one_kept(tmp_path: Path) -> None:
    before = Store(tmp_path / "registry.json")
    id_ = before.add("s", LONG)
    before.set_level("s", "FULL")
    before.set_level(None, "NONE")
    after = Store(tmp_path / "registry.json")
    assert after.contents == before.contents
    assert after.id_of(LONG) == id_


def test_two_machines_give_the_same_ids_whatever_the_order(tmp_path: Path) -> None:
    releases = [release for event in packaged().values() for release in event]
    ids = []
    for name, order in (("a", releases), ("b", releases[::-1])):
        registry = Registry(Store(tmp_path / name))
        ids.append(
            {each.text: registry.register(each.subject, {"schema": each.text})["id"] for each in order}
        )
    assert ids[0] == ids[1]


def test_a_collision_gets_the_next_candidate_and_stays(tmp_path: Path) -> None:
    def always_from_one(_normal: str) -> Iterator[int]:
        return count(1)

    store = Store(tmp_path / "registry.json", always_from_one)
    assert (store.add("a", LONG), store.add("b", STRING)) == (1, 2)
    again = Store(tmp_path / "registry.json", always_from_one)
    assert (again.id_of(LONG), again.id_of(STRING)) == (1, 2)


def test_an_unfinished_write_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    Store(file).add("s", LONG)
    file.with_suffix(".new").write_text('{"format": 1, "lev')
    assert Store(file).contents.subjects["s"].ids == (Store(file).id_of(LONG),)


def test_what_cannot_be_written_is_not_remembered(tmp_path: Path) -> None:
    file = tmp_path / "registry.json"
    store = Store(file)
    store.add("s", LONG)
    file.with_suffix(".new").mkdir()  # the next write fails
    with pytest.raises(Problem) as refusal:
        store.add("s", STRING)
    assert refusal.value.error_code == 50001
    assert len(store.contents.subjects["s"].ids) == 1


def _half(text: str) -> str:
    return text[: len(text) // 2]


def _other_format(text: str) -> str:
    return json.dumps(json.loads(text) | {"format": 2})


def _lost_schema(text: str) -> str:
    return json.dumps(json.loads(text) | {"schemas": {}})


def _bad_level(text: str) -> str:
    return json.dumps(json.loads(text) | {"level": "SIDEWAYS"})


@pytest.mark.parametrize(
    "damage", [_half, lambda _: "", lambda _: "[]", _other_format, _lost_schema, _bad_level]
)
def test_a_damaged_file_says_what_to_do(tmp_path: Path, damage: Callable[[str], str]) -> None:
    file = tmp_path / "registry.json"
    Store(file).add("s", LONG)
    file.write_text(damage(file.read_text("utf-8")), "utf-8")
    with pytest.raises(ConfigError) as refusal:
        Store(file)
    assert str(file) in str(refusal.value)
    assert "move it away" in str(refusal.value)
