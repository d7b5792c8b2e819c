"""Reads the URL of a receiver, and refuses every form that two programs could read differently.

What is not plain is refused rather than interpreted: a user before the host, a backslash, blanks and control
characters, percent signs and letters beyond ASCII in the host, numbers that some systems take for an address
(``2130706433``, ``0x7f.1``, ``0177.0.0.1``), zones of IPv6, a fragment.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple

from schemas.errors import ConfigError

MOST_CHARACTERS = 2048
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>[^#]*)(?P<fragment>#.*)?",
    re.DOTALL,
)
_PLAIN = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")
_PORTS = {"http": 80, "https": 443}
# Ports of other protocols, which a request that is made well could speak to: the list that browsers have,
# and those of the databases and queues that are found most.
_OTHER_PROTOCOLS = frozenset(
    [
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103),
        *(104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513),
        *(514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719),
        *(1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679),
        *(6697, 10080, 2181, 3306, 5432, 6379, 9092, 11211, 27017),
    ]
)


class Url(NamedTuple):
    """An address of a receiver. ``host`` is in lower case, without the brackets of IPv6."""

    text: str
    scheme: str
    host: str
    port: int


def read_url(text: str) -> Url:
    """Return the parts of a URL.

    Raises:
        ConfigError: it is not plainly one of http or https; the text does not repeat it, for its path may be
            a secret.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"the URL has more than {MOST_CHARACTERS} characters")
    if not _PLAIN.fullmatch(text):
        raise ConfigError("the URL has a blank, a control character or another that must be percent-encoded")
    found = _URL.fullmatch(text)
    if found is None or found["scheme"].lower() not in _PORTS:
        raise ConfigError("the URL must begin with https:// or http://")
    if found["fragment"]:
        raise ConfigError("the URL has a fragment (#), which is never sent; leave it out")
    scheme = found["scheme"].lower()
    host, port = _authority(found["authority"])
    return Url(text, scheme, host, port or _PORTS[scheme])


def _authority(authority: str) -> tuple[str, int | None]:
    if "@" in authority:
        raise ConfigError("the URL has a user before the host; use the setting authorization instead")
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ConfigError(
            "the host of the URL is not a plain name or address; write names of other scripts as xn--"
        )
    port = int(parts["port"]) if parts["port"] else None
    if port is not None and (not 0 < port < 65_536 or port in _OTHER_PROTOCOLS):
        raise ConfigError(f"port {port} is not one that receivers of HTTP have")
    return read_host(parts["host"]), port


def read_host(text: str) -> str:
    """Return a host name in lower case, or an address in its usual form.

    Raises:
        ConfigError: it is neither, or a number that only some systems take for an address.
    """
    try:
        if text.startswith("["):
            return str(IPv6Address(text[1:-1]))
        labels = text.removesuffix(".").split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return str(IPv4Address(text))
    except AddressValueError:
        raise ConfigError("the host is no address; write IPv4 as four decimal numbers") from None
    if not all(_LABEL.fullmatch(label) for label in labels) or len(text) > 253:
        raise ConfigError("the host is not a plain name or address")
    return text.lower().removesuffix(".")
