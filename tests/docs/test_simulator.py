"""The example of a scenario in the documents is sound, and the documents name every kind there is."""

import re
from pathlib import Path

from infra.score.known import known
from producers.simulator.scenario.form.scenario import json_schema
from producers.simulator.scenario.read import read_text

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text("utf-8")


def test_the_first_scenario_is_sound() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert read_text(example, "example.yaml", known()).labelled


def test_every_kind_and_field_is_in_the_reference() -> None:
    schema = json_schema()
    for section in ("faults", "changes"):
        for kind in schema["properties"][section]["items"]["discriminator"]["mapping"]:
            assert f"| `{kind}` |" in TEXT
    for form in (schema, *schema["$defs"].values()):
        for field in form["properties"]:
            assert f"`{field}`" in TEXT
