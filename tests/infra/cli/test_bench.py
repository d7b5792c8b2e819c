import importlib
import inspect

import pytest

from infra.bench.machine import machine
from infra.bench.table import Table
from infra.cli.bench import NAMES, ON_REQUEST, markdown
from tests.infra.cli.conftest import Run


@pytest.mark.parametrize("name", [*NAMES, *ON_REQUEST])
def test_every_benchmark_returns_a_table(name: str) -> None:
    run = importlib.import_module(f"infra.bench.{name}").run
    assert inspect.signature(run, eval_str=True).return_annotation is Table
    assert not inspect.signature(run).parameters


def test_an_unknown_name_is_wrong_usage(penstock: Run) -> None:
    result = penstock("bench", "nonsense")
    assert result.status == 2
    assert f"there are {', '.join([*NAMES, *ON_REQUEST])}" in result.err


def test_what_installs_packages_is_not_run_unless_it_is_named() -> None:
    assert not set(ON_REQUEST) & set(NAMES)


def test_a_table_is_markdown() -> None:
    text = markdown(Table("Speed", ("way", "samples/s"), (("ours", 12_000),), "Once."))
    assert text.split("\n") == [
        *("", "### Speed", "", "| way | samples/s |", "| --- | --- |", "| ours | 12000 |", "", "Once.", "")
    ]


def test_the_machine_is_named() -> None:
    assert "cores" in machine()
