"""``penstock node``: the agent of this machine, or one look at what it would send."""

import asyncio
import math
from collections.abc import Awaitable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.cli import context
from infra.cli.output import print_json, print_table
from schemas.errors import ConfigError

if TYPE_CHECKING:
    from schemas.events.node_registered import NodeRegistered
    from schemas.events.node_sample import NodeSample
    from schemas.settings import Settings

app = typer.Typer()


@app.command()
def node(
    ctx: typer.Context,
    *,
    once: Annotated[bool, typer.Option("--once", help="Take one sample, print it, send nothing.")] = False,
    json: Annotated[bool, typer.Option("--json", help="With --once: print JSON.")] = False,
    record: Annotated[
        Path | None, typer.Option(help="Keep what it would send in this new Avro file; send nothing.")
    ] = None,
    play: Annotated[
        Path | None, typer.Option(help="Send a recording as a node, at the times of now; read nothing here.")
    ] = None,
) -> None:
    """Run the agent of this machine until told to stop: one sample a second, to Kafka."""
    if json and not once:
        raise ConfigError("--json prints one sample: it goes with --once")
    if sum((once, record is not None, play is not None)) > 1:
        raise ConfigError("--once, --record and --play exclude one another")
    if once:
        _look(ctx, json=json)
    else:
        _run(ctx, record, play)


def _run(ctx: typer.Context, record: Path | None, play: Path | None) -> None:
    from infra.cli import service
    from producers.node import agent, playback

    def serve(settings: "Settings") -> Awaitable[None]:
        if record is not None:
            return agent.record(settings, record)
        return agent.serve(settings) if play is None else playback.play(settings, play)

    service.run(serve, context.settings(ctx), name="node")


def _look(ctx: typer.Context, *, json: bool) -> None:
    from producers.node.agent import take_once

    registration, sample = asyncio.run(take_once(context.settings(ctx)))
    if json:
        print_json({"registration": readable(registration), "sample": readable(sample)})
    else:
        _print(registration, sample)


def readable(value: Any) -> Any:  # noqa: ANN401 - an event, or a part of one
    """Return what JSON can hold: records by field name, null where there is no reading."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return {name: readable(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [readable(part) for part in value]
    if isinstance(value, Mapping):
        return {name: readable(part) for name, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _print(registration: "NodeRegistered", sample: "NodeSample") -> None:
    print_table(("reading", "value"), list(_readings(registration, sample)), title=sample.node_id)
    remedies = {each.name: each.remedy for each in registration.collectors}
    rows = [(each.name, each.status, each.reason, remedies.get(each.name, "")) for each in sample.collectors]
    print_table(("collector", "status", "why", "what to do"), rows, title="collectors")


def _readings(registration: "NodeRegistered", sample: "NodeSample") -> Iterator[tuple[str, str]]:
    yield "machine", f"{registration.cpu_model}, {registration.os} {registration.arch}"
    yield from _known("host", sample.host)
    names = {gpu.gpu_id: gpu.name for gpu in registration.gpus}
    for gpu in sample.gpus:
        yield from _known(f"{gpu.gpu_id} {names.get(gpu.gpu_id, '')}", gpu)
    for runtime in sample.runtimes:
        yield from _known(runtime.runtime_id, runtime)
        for model in runtime.models:
            yield from _known(f"{runtime.runtime_id} {model.name}", model)
    for suspect in sample.suspects:
        yield f"suspect {suspect.reading}", f"{suspect.value:g} ({suspect.why})"


def _known(prefix: str, record: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - any part of a sample
    for name, value in record._asdict().items():
        if isinstance(value, float) and math.isfinite(value):
            yield f"{prefix} {name}", f"{value:,.3f}".rstrip("0").rstrip(".")
        elif isinstance(value, str | int) and value not in ("", "unknown"):
            yield f"{prefix} {name}", str(value)
