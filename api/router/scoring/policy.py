"""What a choice weighs, under a name and a version."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Self

import orjson

from api.router.ask import Goal
from schemas.settings import PolicySettings


@dataclass(frozen=True)
class Policy:
    """The parameters of one policy; their meaning is in ``schemas.settings.PolicySettings``."""

    name: str
    goal: Goal
    prompt_tokens: int
    output_tokens: int
    first_token_s: float
    prefill_s: float
    decode_s: float
    load_s: float
    load_bytes_per_s: float
    copy_share: float
    unknown_slots: int
    contention: float
    fresh_s: float
    stale_s: float
    stale_share: float
    thermal_fair: float
    thermal_serious: float
    hint_monitor: float
    hint_reduce_batch: float
    kv_from: float
    kv_share: float
    context_slack: float
    session_share: float
    prefix_share: float
    affinity_half_life_s: float
    efficiency_half_life_s: float
    efficiency_for_latency: float
    efficiency_for_balanced: float
    efficiency_for_efficiency: float
    tie_ratio: float
    tie_s: float
    explore: float

    @classmethod
    def of(cls, told: PolicySettings) -> Self:
        """Return the policy that settings describe."""
        return cls(**{**told.model_dump(), "goal": Goal(told.goal)})

    @cached_property
    def version(self) -> str:
        """The digest of the parameters: policies of the same ones have the same, whatever their names."""
        parameters = asdict(self)
        del parameters["name"]
        written = orjson.dumps(parameters, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(written).hexdigest()[:12]

    def efficiency(self, goal: Goal) -> float:
        """Return what efficiency weighs for a goal."""
        return {
            Goal.LATENCY: self.efficiency_for_latency,
            Goal.BALANCED: self.efficiency_for_balanced,
            Goal.EFFICIENCY: self.efficiency_for_efficiency,
        }[goal]
