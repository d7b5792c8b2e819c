"""Random numbers that depend on the seed and on what they are for, and on nothing else.

Each use has a generator of its own: a node draws the same numbers whether others are simulated or not.
"""

import hashlib
import random


def generator(seed: int, *what: str) -> random.Random:
    """Return a generator for one use, such as the noise of one node."""
    text = "\x1f".join((str(seed), *what)).encode()
    return random.Random(int.from_bytes(hashlib.sha256(text).digest()[:16], "big"))


def hex_digits(seed: int, *what: str, digits: int = 32) -> str:
    """Return digits that name something, such as one run of an agent."""
    return hashlib.sha256("\x1f".join((str(seed), *what)).encode()).hexdigest()[:digits]
