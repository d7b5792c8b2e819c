"""The table and the parts of the comparison with other routers that need none of them."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from infra.bench import peers
from infra.bench.hop.load import Load
from infra.bench.hop.rounds import Rounds
from infra.bench.peer import herd, overlaat
from infra.bench.peer.installed import Package, installed
from schemas.errors import UnavailableError


def rounds(**taken_ms: tuple[float, ...]) -> Rounds:
    """Each figure is a round, in which every answer took so many milliseconds."""
    return Rounds({
        name: [Load(1000 / ms, (ms / 1000,) * 3, 0) for ms in found] for name, found in taken_ms.items()
    })  # fmt: skip


def test_ratios_are_of_one_round_and_figures_are_medians() -> None:
    found = rounds(upstream=(0.1, 0.1, 0.1), peer=(2.1, 8.1, 4.1), router=(0.6, 0.6, 0.6))
    assert found.per_s("peer") == pytest.approx(1000 / 4.1)
    assert found.ratio("router", "peer") == pytest.approx(4.1 / 0.6)
    assert found.added_ms("peer", "upstream") == pytest.approx(4.0)
    assert found.quantile_ms("router", 0.99) == pytest.approx(0.6)
    assert found.errors() == {}


def test_a_row_has_a_cell_for_each_column() -> None:
    found = rounds(upstream=(0.1,), peer=(2.1,), router=(0.6,))
    rows = [peers.row(one, 32, found) for one in peers.LOADS]
    table = peers.table(rows)
    assert all(len(row) == len(table.columns) for row in table.rows)
    assert rows[0][:3] == ("one piece", 32, "overlaat==0.0.13")
    assert rows[0][6:10] == ("3.5", "2.00", "0.50", "0.25")


def test_wrong_answers_are_in_the_table() -> None:
    found = Rounds({name: [Load(1.0, (0.1,), 2)] for name in ("upstream", "peer", "router")})
    assert "errors: {'upstream': 2, 'peer': 2, 'router': 2}" in str(peers.row(peers.LOADS[0], 1, found)[0])


def test_the_versions_are_pinned() -> None:
    assert overlaat.PACKAGE.requirement == "overlaat==0.0.13"
    assert herd.PACKAGE.requirement == "ollama-herd==0.11.4"


def test_a_package_that_is_there_is_not_installed_again(tmp_path: Path) -> None:
    folder = tmp_path / "overlaat-0.0.13"
    folder.mkdir()
    (folder / "installed").touch()
    assert installed(overlaat.PACKAGE, tmp_path) == folder / "bin" / "python"


def test_what_cannot_be_installed_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(UnavailableError, match=r"nothing==1 cannot be installed"):
        installed(Package("nothing", "1"), tmp_path)
    assert not (tmp_path / "nothing-1" / "installed").exists()


def test_nodes_are_told_with_room_for_the_model() -> None:
    told = herd.heartbeat("node-1", 1234, "fast")
    assert told["ollama_host"] == "http://localhost:1234"
    assert told["ollama"]["models_available"] == ["fast:latest"]
    json.dumps(told)


def test_the_list_of_models_is_yaml() -> None:
    (one,) = yaml.safe_load(overlaat.models("fast"))["model_list"]
    assert one["model_name"] == "fast"
    assert one["litellm_params"]["max_parallel_requests"] > max(peers.CLIENTS)
