import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from api.router.limits import caller_limits, queue_limits
from api.router.queue.limits import DEFAULT_TIERS, Heavy, KeyLimits, PoolLimits
from schemas.errors import ConfigError
from schemas.settings import RouterSettings, load

GPU = {"name": "gpu", "models": ["a:latest", "b"]}


def made(**told: Any) -> RouterSettings:
    return RouterSettings.model_validate(told)


def test_what_the_settings_say_of_themselves() -> None:
    limits = queue_limits(RouterSettings())
    assert (limits.pools, limits.tiers) == ((), DEFAULT_TIERS)
    assert limits.aging_rate > 0, "no priority waits for ever"
    assert caller_limits(RouterSettings()) == KeyLimits()


def test_pools_and_tiers() -> None:
    pool = {**GPU, "budget": 2, "costs": {"a": 0.5}, "exclusive": True, "turn_s": 3, "heavy": "full_pool"}
    limits = queue_limits(made(pools=[pool], prompt_tiers="100:1,inf:1.5", aging_per_s=0))
    assert limits.pools == (
        PoolLimits(
            "gpu", frozenset("ab"), 2, exclusive=True, turn_s=3, heavy=Heavy.FULL_POOL, costs={"a": 0.5}
        ),
    )
    assert [*limits.tiers] == [(100.0, 1.0), (math.inf, 1.5)]
    assert caller_limits(made(priority_ceiling=4, max_in_flight=5)) == KeyLimits(4, max_in_flight=5)


def test_pools_come_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "penstock.toml"
    file.write_text('[[router.pools]]\nname = "gpu"\nmodels = ["a"]\ncosts = { "a" = 0.5 }\n', "utf-8")
    (pool,) = queue_limits(load({}, file=file).settings.router).pools
    assert (pool.name, pool.costs) == ("gpu", {"a": 0.5})
    named = {"PENSTOCK_ROUTER__POOLS": '[{"name": "cpu", "models": ["b"]}]'}
    (pool,) = queue_limits(load(named, file=file).settings.router).pools
    assert (pool.name, pool.models) == ("cpu", frozenset("b"))
    with pytest.raises(ConfigError, match="JSON list"):
        load({"PENSTOCK_ROUTER__POOLS": "gpu"}, file=file)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"pools": [GPU, {**GPU, "name": "other"}]}, "a is in two pools, gpu and other"),
        ({"pools": [GPU, {"name": "gpu", "models": ["c"]}]}, "two pools have the same name"),
        ({"pools": [{**GPU, "costs": {"c": 1}}]}, "c, which is not one of its models"),
        ({"pools": [{**GPU, "budget": 1, "costs": {"a": 2}}]}, "no request for it could ever go"),
        ({"prompt_tiers": "8000:2,2000:1,inf:4"}, "must grow"),
        ({"prompt_tiers": "8000:0,inf:4"}, "at least 1"),
    ],
)
def test_settings_that_contradict_each_other_are_told(told: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        queue_limits(made(**told))


@pytest.mark.parametrize("tiers", ["", "2000:1", "inf", "x:1,inf:2", "2000:1..2,inf:4"])
def test_tiers_that_cannot_be_read_are_told(tiers: str) -> None:
    with pytest.raises(ValidationError, match="prompt_tiers"):
        made(prompt_tiers=tiers)


@pytest.mark.parametrize(
    "told",
    [
        {"weight": 0}, {"weight": math.inf}, {"max_in_flight": 0}, {"tokens": 0}, {"period_s": math.inf},
        {"max_wait_s": math.nan},
    ],
)  # fmt: skip
def test_limits_of_a_key_that_make_no_sense_are_told(told: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        KeyLimits(**told)
