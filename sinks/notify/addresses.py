"""Which IP addresses notifications may go to: those of the public Internet, and what the settings allow.

An address can carry another: IPv4-mapped and -compatible IPv6, NAT64, 6to4. The one inside is judged.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = ip_network("64:ff9b::/96")
_NAT64_LOCAL = ip_network("64:ff9b:1::/48")
_COMPATIBLE = ip_network("::/96")
# Public by number, yet answered by the machine's own cloud: Azure's platform address.
_PLATFORM = ip_address("168.63.129.16")


def innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    compatible = address in _COMPATIBLE and int(address) > 1  # :: and ::1 are addresses of their own
    if address in _NAT64 or compatible:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address) -> bool:
    """Say whether an address is one of the public Internet, with nothing of ours behind it."""
    inner = innermost(address)
    if isinstance(inner, IPv6Address) and (
        inner.is_site_local or inner.teredo is not None or inner in _NAT64_LOCAL
    ):
        return False
    return inner.is_global and not inner.is_multicast and not inner.is_reserved and inner != _PLATFORM


def is_permitted(address: Address, allowed: Sequence[Network]) -> bool:
    """Say whether a notification may go to an address."""
    inner = innermost(address)
    return is_public(address) or any(
        inner.version == network.version and inner in network for network in allowed
    )
