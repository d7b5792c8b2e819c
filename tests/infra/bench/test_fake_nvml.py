import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.bench import fake_nvml
from infra.bench.fake_nvml import build, compiler, environment

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler")


@pytest.mark.parametrize("hangs", [False, True])
def test_a_process_finds_its_gpus_or_calls_that_hang(tmp_path: Path, *, hangs: bool) -> None:
    library = build(tmp_path)
    if hangs:
        fake_nvml.hang(library)
    more = {"PENSTOCK_DATA_DIR": str(tmp_path / "data"), "PENSTOCK_NODE__DISCOVER": "false"}
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli.main", "node", "--once", "--json"],
        env={**os.environ, **environment(library, 8), **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    sample = json.loads(done.stdout)["sample"]
    assert len(sample["gpus"]) == (0 if hangs else 8)
