"""Names that stand for several nodes, and wildcards."""

import pytest

from producers.simulator.scenario.names import choose, expand


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("a", ["a"]),
        ("gpu-[1-3]", ["gpu-1", "gpu-2", "gpu-3"]),
        ("gpu-[08-10]", ["gpu-08", "gpu-09", "gpu-10"]),
        ("[a,b]-[1-2]", ["a-1", "a-2", "b-1", "b-2"]),
        ("n[1,5-6]", ["n1", "n5", "n6"]),
    ],
)
def test_expand(name: str, names: list[str]) -> None:
    assert list(expand(name)) == names


@pytest.mark.parametrize("name", ["", "a b", "-a", "a[", "[2-1]", "a[1-3000]", "[1-999999][1-999999]", "a/b"])
def test_names_that_no_node_can_have(name: str) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        expand(name)


def test_choose_keeps_the_order_and_tells_what_fits_nothing() -> None:
    names = ["b-1", "a-1", "a-2"]
    assert choose(["a-*", "b-?", "c*", "a-[2-3]"], names) == (("b-1", "a-1", "a-2"), ("c*",))
