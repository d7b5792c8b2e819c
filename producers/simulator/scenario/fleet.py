"""From the forms of nodes to nodes: names expanded, defaults of the hardware put in, the impossible noted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from producers.simulator.hardware.chips import CHIPS, Chip
from producers.simulator.hardware.cpus import CPUS, Cpu
from producers.simulator.hardware.models import MODELS, QUANTIZATIONS, weights_bytes
from producers.simulator.scenario.document import Path
from producers.simulator.scenario.findings import Findings
from producers.simulator.scenario.form.fleet import EnvironmentForm, ModelForm, NodeForm, RuntimeForm
from producers.simulator.scenario.machines import Environment, Model, Node, Runtime
from producers.simulator.scenario.names import MAX_NODES, expand
from producers.simulator.scenario.problem import one_of

# These run on NVIDIA's accelerators, reserve their memory at start and serve one model each.
RESERVING = ("vllm", "sglang")
# These put what does not fit into the accelerators into the host's memory.
SPILLING = ("ollama", "llamacpp", "lmstudio")
GB = 1e9


def environment(form: EnvironmentForm) -> Environment:
    """Return the air."""
    racks = tuple((name, rack.ambient_c) for name, rack in form.racks.items())
    return Environment(ambient_c=form.ambient_c, swing_c=form.swing_c, racks=racks)


def nodes(forms: Sequence[NodeForm], findings: Findings) -> tuple[Node, ...]:
    """Return the nodes; what their hardware cannot be is noted."""
    found: dict[str, Node] = {}
    for index, form in enumerate(forms):
        place = findings.place("nodes", index)
        try:
            names = expand(form.name)
        except ValueError as exc:
            findings.note((*place, "name"), str(exc))
            findings.unsure = True
            continue
        twice = sorted((Counter(names) - Counter(set(names))).keys() | (found.keys() & set(names)))
        if twice:
            findings.note((*place, "name"), f"there is a node {twice[0]!r} already")
        _check(form, place, findings)
        found |= {name: _node(form, name) for name in names}
    if len(found) > MAX_NODES:
        findings.note(("nodes",), f"{len(found)} nodes are more than {MAX_NODES}")
    return tuple(found.values())


def _node(form: NodeForm, name: str) -> Node:
    return Node(
        name=name,
        chip=form.chip,
        gpus=_gpus(form),
        cpu=form.cpu or form.chip,
        memory_bytes=form.memory_bytes,
        swap_bytes=form.swap_bytes,
        rack=form.rack,
        fleet=form.fleet,
        agent_version=form.agent_version,
        driver_version=form.driver_version,
        pcie_width=form.pcie_width,
        pcie_generation=form.pcie_generation,
        power_limit_w=form.power_limit_w,
        airflow_ratio=form.airflow_ratio,
        weight=form.weight,
        tags=tuple(sorted(form.tags.items())),
        runtimes=tuple(_runtime(runtime) for runtime in form.runtimes),
    )


def _gpus(form: NodeForm) -> int:
    return (1 if form.chip else 0) if form.gpus is None else form.gpus


def _runtime(form: RuntimeForm) -> Runtime:
    return Runtime(
        kind=form.kind,
        port=form.port,
        slots=form.slots,
        models=tuple(model(one) for one in form.models),
        gpus=tuple(form.gpus),
        keep_alive_s=form.keep_alive_s,
        memory_ratio=form.memory_ratio,
    )


def model(form: ModelForm) -> Model:
    """Return a model."""
    return Model(**dict(form))


def _check(form: NodeForm, place: Path, findings: Findings) -> None:
    chip, cpu = CHIPS.get(form.chip), CPUS.get(form.cpu or form.chip)
    if form.chip and chip is None:
        findings.note((*place, "chip"), f"there is no chip {form.chip!r}{one_of(form.chip, CHIPS)}")
    if form.cpu and cpu is None:
        findings.note((*place, "cpu"), f"there is no CPU {form.cpu!r}{one_of(form.cpu, CPUS)}")
    elif cpu is None and (chip is not None or not form.chip):
        findings.note(place, f"has no cpu{one_of('', CPUS)}")
    for field, message in _impossible(form, chip, cpu):
        findings.note((*place, field), message)
    known = chip is not None or not form.chip
    for index, runtime in enumerate(form.runtimes):
        _check_runtime(form, runtime, chip, (*place, "runtimes", index), findings, known=known)
    ports = Counter(runtime.port for runtime in form.runtimes)
    for port, times in ports.items():
        if times > 1:
            findings.note((*place, "runtimes"), f"{times} runtimes have the port {port}")
    for gpu in range(_gpus(form)):
        share = sum(one.memory_ratio for one in form.runtimes if _reserves(one, gpu))
        if share > 1:
            message = f"runtimes reserve {share:.0%} of the memory of accelerator {gpu}"
            findings.note((*place, "runtimes"), message)
            break


def _reserves(runtime: RuntimeForm, gpu: int) -> bool:
    return runtime.kind in RESERVING and (not runtime.gpus or gpu in runtime.gpus)


def _impossible(form: NodeForm, chip: Chip | None, cpu: Cpu | None) -> Iterator[tuple[str, str]]:
    if not form.chip and form.gpus:
        yield "gpus", "accelerators need a chip"
    if chip is not None:
        yield from _impossible_board(form, chip)
    unified = chip is not None and chip.unified
    if cpu is not None and not unified and form.memory_bytes > cpu.max_memory_bytes * 1.01:
        yield (
            "memory",
            f"{_gb(form.memory_bytes)} is more than {cpu.name} can have, {_gb(cpu.max_memory_bytes)}",
        )


def _impossible_board(form: NodeForm, chip: Chip) -> Iterator[tuple[str, str]]:
    if not 1 <= _gpus(form) <= chip.max_gpus:
        yield "gpus", f"a machine has 1 to {chip.max_gpus} of {chip.name}, not {_gpus(form)}"
    if chip.unified and form.memory_bytes > chip.memory_bytes * 1.1:
        yield "memory", f"{chip.name} has at most {_gb(chip.memory_bytes)}, not {_gb(form.memory_bytes)}"
    if chip.vendor == "apple" and form.cpu not in ("", form.chip):
        yield "cpu", f"{chip.name} is its own CPU: leave cpu out"
    if form.pcie_generation is not None and form.pcie_generation > chip.pcie_generation:
        yield "pcie_generation", f"{chip.name} has PCIe up to generation {chip.pcie_generation}"
    if form.power_limit_w is not None and (problem := power_problem(chip, form.power_limit_w)):
        yield "power_limit", problem


def power_problem(chip: Chip, limit_w: float) -> str:
    """Return why a chip cannot have this power limit, or nothing."""
    if chip.vendor == "apple":
        return f"{chip.name} has no power limit that can be set"
    lowest = chip.limit_min_w if chip.limit_min_w == chip.limit_min_w else chip.idle_w
    if lowest <= limit_w <= chip.limit_w:
        return ""
    return f"{limit_w:g} W is outside what {chip.name} takes, {lowest:g} W to {chip.limit_w:g} W"


def _check_runtime(
    node: NodeForm, form: RuntimeForm, chip: Chip | None, place: Path, findings: Findings, *, known: bool
) -> None:
    for index, one in enumerate(form.models):
        check_model(one, (*place, "models", index), findings)
    names = Counter(one.name for one in form.models)
    for name, times in names.items():
        if times > 1:
            findings.note((*place, "models"), f"the model {name!r} is there {times} times")
    beyond = [gpu for gpu in form.gpus if gpu >= _gpus(node)]
    if beyond:
        has = f"the node has {_gpus(node)}, numbered from 0" if _gpus(node) else "the node has none"
        findings.note((*place, "gpus"), f"there is no accelerator {beyond[0]}: {has}")
        return
    if not known:
        return
    loaded = [one for one in form.models if one.loaded]
    if form.kind in RESERVING and (chip is None or chip.vendor != "nvidia"):
        findings.note((*place, "kind"), f"{form.kind} needs an NVIDIA accelerator; ollama or llamacpp do not")
    elif form.kind in (*RESERVING, "llamacpp") and len(loaded) > 1:
        findings.note((*place, "models"), f"{form.kind} serves one model; {len(loaded)} are loaded")
    elif all(map(_measurable, loaded)):
        _check_memory(node, form, loaded, chip, place, findings)


def _measurable(form: ModelForm) -> bool:
    sized = form.name in MODELS or form.parameters or form.size_bytes
    return bool(sized) and form.quantization.lower() in ("", *QUANTIZATIONS)


def _check_memory(
    node: NodeForm,
    form: RuntimeForm,
    loaded: Sequence[ModelForm],
    chip: Chip | None,
    place: Path,
    findings: Findings,
) -> None:
    """Note models that cannot be in memory at the same time."""
    need = sum(weights_bytes(model(one)) for one in loaded)
    boards = len(form.gpus) or _gpus(node)
    vram = 0.0 if chip is None or chip.unified else boards * chip.memory_bytes
    room = vram * form.memory_ratio if form.kind in RESERVING and vram else vram + node.memory_bytes
    if need > room:
        names = " and ".join(one.name for one in loaded)
        findings.note((*place, "models"), f"{names}: weights of {_gb(need)} do not fit into {_gb(room)}")


def check_model(form: ModelForm, place: Path, findings: Findings) -> None:
    """Note a model that nothing is known of, or that cannot be as it is told."""
    known = MODELS.get(form.name)
    if known is None and not (form.parameters and form.layers):
        nearest = one_of(form.name, MODELS)
        findings.note(place, f"the model {form.name!r} is not known{nearest} Or give parameters and layers")
    if form.quantization and form.quantization.lower() not in QUANTIZATIONS:
        nearest = one_of(form.quantization, QUANTIZATIONS)
        findings.note((*place, "quantization"), f"there is no quantization {form.quantization!r}{nearest}")
    if known is not None and form.context_tokens > known.context_tokens:
        message = f"{form.name} has a context of at most {known.context_tokens} tokens"
        findings.note((*place, "context"), message)
    total = form.parameters or (known.parameters if known else None)
    if form.active_parameters and total and form.active_parameters > total:
        findings.note((*place, "active_parameters"), f"is more than all parameters, {total:g}")


def _gb(size: float) -> str:
    return f"{size / GB:.3g} GB" if size < 1000 * GB else f"{size / GB / 1000:.3g} TB"
