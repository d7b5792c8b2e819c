"""Which partition a key goes to, as Kafka's clients choose it: files and memory agree with Kafka."""

from functools import lru_cache
from struct import Struct

_SEED, _M = 0x9747B28C, 0x5BD1E995
_MASK = 0xFFFF_FFFF
_WORD = Struct("<I")


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a key among so many: murmur2 of its UTF-8 bytes, without the sign."""
    return 0 if partitions == 1 else (_murmur2(key.encode()) & 0x7FFF_FFFF) % partitions


def _murmur2(data: bytes) -> int:
    length = len(data)
    whole = length & ~3
    found = _SEED ^ length
    for (four,) in _WORD.iter_unpack(data[:whole]):
        word = (four * _M) & _MASK
        word = ((word ^ (word >> 24)) * _M) & _MASK
        found = ((found * _M) & _MASK) ^ word
    if whole < length:
        found = ((found ^ int.from_bytes(data[whole:], "little")) * _M) & _MASK
    found = ((found ^ (found >> 13)) * _M) & _MASK
    return found ^ (found >> 15)
