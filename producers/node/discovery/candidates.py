"""From what is named and what runs to addresses to ask, the surest first. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from producers.node.discovery.candidate import Candidate, local_url
from producers.node.discovery.environment import url_of
from producers.node.discovery.processes import Process
from producers.node.runtimes.target import DEFAULT_PORTS, port_of

ORDER = ("settings", "environment", "argv", "socket", "default")


def candidates(
    named: Sequence[Candidate], environ: Mapping[str, str], processes: Sequence[Process]
) -> tuple[Candidate, ...]:
    """Return one candidate per port, by the surest way it is known, with what is known of its process."""
    found: dict[int, Candidate] = {}
    for each in sorted(_all(named, environ, processes), key=lambda one: ORDER.index(one.discovered_by)):
        port = port_of(each.url)
        found[port] = _completed(found[port], each) if port in found else each
    return tuple(found.values())


def _all(
    named: Sequence[Candidate], environ: Mapping[str, str], processes: Sequence[Process]
) -> Iterable[Candidate]:
    own = url_of("ollama", environ)  # of the agent itself: who sets it for one sets it for both
    return chain(
        named,
        [Candidate(own, "environment", "ollama")] if own else [],
        chain.from_iterable(map(_of_process, processes)),
        _published(processes),
        (Candidate(local_url(port), "default") for port in _default_ports()),
    )


def _completed(surest: Candidate, other: Candidate) -> Candidate:
    """Return the surest with the process that another way has found for the same port."""
    if surest.pid or not other.pid or (surest.kind and other.kind and surest.kind != other.kind):
        return surest
    return surest._replace(
        kind=surest.kind or other.kind,
        pid=other.pid,
        command_line=other.command_line,
        container=other.container,
    )


def _of_process(process: Process) -> Iterator[Candidate]:
    runtime = process.runtime
    if runtime is None:
        return
    known = (runtime.kind, process.pid, process.command_line, process.container)
    if runtime.port:
        yield Candidate(local_url(runtime.port, runtime.host), "argv", *known)
    elif process.environment_url:
        yield Candidate(process.environment_url, "environment", *known)
    for port in process.ports:
        yield Candidate(local_url(port, runtime.host), "socket", *known)
    if not runtime.port and not process.environment_url and not process.ports:
        for port in DEFAULT_PORTS.get(runtime.kind, ()):
            yield Candidate(local_url(port, runtime.host), "default", *known)


def _published(processes: Sequence[Process]) -> Iterator[Candidate]:
    """Yield the published ports that lead to where a runtime listens, in its container or by its nature."""
    inside = {each.runtime.port for each in processes if each.runtime and each.runtime.port}
    wanted = inside | set(_default_ports())
    for process in processes:
        led = process.published
        if led is not None and led.container_port in wanted:
            yield Candidate(
                local_url(led.port, led.host), "socket", container=_behind(led.container_port, processes)
            )


def _behind(container_port: int, processes: Sequence[Process]) -> str:
    """Return the container whose runtime listens at that port, where there is only one."""
    found = {
        each.container
        for each in processes
        if each.container and each.runtime and _listens(each, container_port)
    }
    return found.pop() if len(found) == 1 else ""


def _listens(process: Process, port: int) -> bool:
    assert process.runtime is not None
    if process.runtime.port:
        return process.runtime.port == port
    return port in process.ports or port in DEFAULT_PORTS.get(process.runtime.kind, ())


def _default_ports() -> list[int]:
    return sorted({port for ports in DEFAULT_PORTS.values() for port in ports})
