"""The settings of one policy of routing."""

from typing import Literal, Self

from pydantic import Field, model_validator

from schemas.settings.section import Section


class PolicySettings(Section):
    """What the router weighs when it chooses. Shares are of the time that a usual request takes."""

    name: str = Field("default", min_length=1, max_length=100, description="what it is called")
    goal: Literal["latency", "efficiency", "balanced"] = Field(
        "latency", description="what it favours where neither the request nor its key says"
    )
    prompt_tokens: int = Field(500, ge=1, description="prompt of a usual request, until some were seen")
    output_tokens: int = Field(256, ge=1, description="answer of a usual request, until some were seen")
    first_token_s: float = Field(0.1, ge=0, description="to the first token of an empty prompt, likewise")
    prefill_s: float = Field(0.001, gt=0, description="more for each token of the prompt, likewise")
    decode_s: float = Field(0.033, gt=0, description="for each token of the answer, likewise")
    load_s: float = Field(15.0, ge=0, description="to load a model of unknown size")
    load_bytes_per_s: float = Field(1e9, gt=0, description="speed of loading one, until it was seen")
    copy_share: float = Field(
        0.5, ge=0, le=10, description="of a load's time that another copy of a model in memory costs besides"
    )
    unknown_slots: int = Field(4, ge=1, description="requests served at once where that is unknown")
    contention: float = Field(
        0.5, ge=0, le=10, description="share by which a request is slower where all others are taken"
    )
    fresh_s: float = Field(3.0, ge=0, description="age of a node's state up to which it counts in full")
    stale_s: float = Field(
        15.0, gt=0, description="age from which the node is used only for want of others; above fresh_s"
    )
    stale_share: float = Field(0.5, ge=0, le=10, description="share that an almost stale node costs")
    thermal_fair: float = Field(0.05, ge=0, le=10, description="share that thermal state fair costs")
    thermal_serious: float = Field(0.3, ge=0, le=10, description="share that serious costs")
    hint_monitor: float = Field(0.05, ge=0, le=10, description="share that the hint monitor costs")
    hint_reduce_batch: float = Field(0.5, ge=0, le=10, description="share that reduce_batch costs")
    kv_from: float = Field(0.8, ge=0, lt=1, description="used part of a KV cache from which it costs")
    kv_share: float = Field(1.0, ge=0, le=10, description="share that a full one costs")
    context_slack: float = Field(
        1.5, ge=1, le=10, description="a prompt so many times too long, by estimate, is taken for too long"
    )
    session_share: float = Field(
        0.8, ge=0, le=1, description="part of a prompt that is known where its conversation was served last"
    )
    prefix_share: float = Field(0.5, ge=0, le=1, description="where one that begins alike was")
    affinity_half_life_s: float = Field(300.0, gt=0, description="half of it is forgotten after so long")
    efficiency_half_life_s: float = Field(600.0, gt=0, description="half of an advantage in WES likewise")
    efficiency_for_latency: float = Field(
        0.01, ge=0, le=100, description="weight of WES for the goal latency"
    )
    efficiency_for_balanced: float = Field(0.5, ge=0, le=100, description="for balanced")
    efficiency_for_efficiency: float = Field(5.0, ge=0, le=100, description="for efficiency")
    tie_ratio: float = Field(0.02, ge=0, le=1, description="places that differ by less are as good")
    tie_s: float = Field(0.002, ge=0, description="or by less than so many seconds")
    explore: float = Field(0.0, ge=0, le=1, description="share of requests sent anywhere, to learn")

    @model_validator(mode="after")
    def _check_ages(self) -> Self:
        if self.stale_s <= self.fresh_s:
            raise ValueError("stale_s must be above fresh_s")
        return self
