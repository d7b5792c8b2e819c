"""The key-value cache: how many tokens fit, and how many are in use."""

# Tokens of a page; a request's last page is half empty in the mean.
PAGE_TOKENS = 16


class KvCache:
    """A pool of pages. ``taken_ratio`` of it cannot be used for requests, which is what a fault changes."""

    __slots__ = ("capacity_tokens", "taken_ratio")

    def __init__(self, capacity_tokens: float) -> None:
        self.capacity_tokens = capacity_tokens
        self.taken_ratio = 0.0

    def room_tokens(self) -> float:
        """Return the tokens that requests can use."""
        return self.capacity_tokens * (1.0 - self.taken_ratio)

    def ratio(self, used_tokens: float) -> float:
        """Return the share in use, as the runtime reports it."""
        return min(1.0, self.taken_ratio + used_tokens / self.capacity_tokens)


def capacity_tokens(memory_bytes: float, weights_bytes: float, kv_bytes_per_token: float) -> float:
    """Return how many tokens fit beside the weights; at least one page, for a runtime that starts at all."""
    return max(PAGE_TOKENS, (memory_bytes - weights_bytes) / kv_bytes_per_token)
