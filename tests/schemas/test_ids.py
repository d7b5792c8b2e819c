import uuid

from hypothesis import given
from hypothesis import strategies as st

from schemas.ids import NAMESPACE, derived_id


@given(st.text(), st.lists(st.text() | st.integers(), max_size=4))
def test_is_the_standard_librarys_uuid5(kind: str, parts: list[str | int]) -> None:
    name = "\x1f".join((kind, *map(str, parts)))
    assert derived_id(kind, *parts) == str(uuid.uuid5(NAMESPACE, name))


def test_stays_what_it_was() -> None:
    assert derived_id("node_state", "node-1", "boot-a", 7) == "eb93dd98-82a5-554f-9267-895f8eaa1223"
