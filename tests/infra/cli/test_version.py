import json
from importlib.metadata import version

from tests.infra.cli.conftest import Run


def test_versions_as_json(penstock: Run) -> None:
    assert json.loads(penstock("version", "--json").out)["penstock"] == version("penstock")


def test_versions_as_a_table(penstock: Run) -> None:
    assert version("penstock") in penstock("version").out
