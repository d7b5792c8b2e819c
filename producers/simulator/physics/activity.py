"""What an accelerator did in one step of time: shares of that time."""


class Activity:
    """Shares of a step, 0..1.

    ``busy``: a kernel ran; ``prefill`` and ``decode``: reading prompts, writing tokens; ``traffic``: of the
    memory's bandwidth; ``arithmetic``: of the time of decoding, weighted by how much of it is arithmetic;
    ``foreign``: another program's work.
    """

    __slots__ = ("arithmetic", "busy", "decode", "foreign", "prefill", "traffic")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin a step."""
        self.busy = self.prefill = self.decode = self.traffic = self.arithmetic = self.foreign = 0.0

    def add(self, other: "Activity", share: float) -> None:
        """Add a share of what a runtime did."""
        self.busy += other.busy * share
        self.prefill += other.prefill * share
        self.decode += other.decode * share
        self.traffic += other.traffic * share
        self.arithmetic += other.arithmetic * share

    def scale(self, factor: float) -> None:
        """Turn seconds into shares, or the other way round."""
        self.busy *= factor
        self.prefill *= factor
        self.decode *= factor
        self.traffic *= factor
        self.arithmetic *= factor
