"""What is found out while a scenario is put together: problems by their place in the file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from producers.simulator.scenario.document import Document, Path, dotted
from producers.simulator.scenario.names import choose
from producers.simulator.scenario.problem import Problem, one_of


@dataclass(slots=True)
class Findings:
    """Collects problems. ``kept``: for each list of the file, the index of each item that has its form.

    ``broken``: names of nodes that are in the file and have no usable form; to name them is no mistake.
    ``unsure``: there are nodes whose names cannot be told, so nothing is said of names that are not known.
    """

    document: Document
    kept: Mapping[str, Sequence[int]]
    broken: Sequence[str] = ()
    unsure: bool = False
    problems: list[Problem] = field(default_factory=list)

    def place(self, section: str, index: int) -> Path:
        """Return where the item of a list is in the file."""
        return section, self.kept[section][index]

    def line(self, place: Path) -> int:
        """Return the line of a place."""
        return self.document.line(place)

    def note(self, place: Path, message: str) -> None:
        """Remember a problem."""
        self.problems.append(Problem(self.document.line(place), dotted(place), message))

    def nodes(self, place: Path, patterns: Sequence[str], names: Sequence[str]) -> tuple[str, ...]:
        """Return the nodes that the patterns choose; note those that choose none."""
        try:
            chosen, idle = choose(patterns, (*names, *self.broken))
        except ValueError as exc:
            self.note(place, str(exc))
            return ()
        for pattern in () if self.unsure else idle:
            self.note(place, f"there is no node {pattern!r}{one_of(pattern, names)}")
        return tuple(name for name in chosen if name in names)
