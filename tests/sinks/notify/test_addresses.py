from ipaddress import ip_address

import pytest

from schemas.errors import ConfigError
from sinks.notify.address_text import read_url
from sinks.notify.addresses import is_public
from sinks.notify.guard import Allowance, ForbiddenError, Guard

FORBIDDEN = [
    *("127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *(
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
    ),
    *(
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:db8::1",
    ),
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_addresses_of_ones_own_are_not_public(text: str) -> None:
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(text: str) -> None:
    assert is_public(ip_address(text))


TRICKS = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://127.0.0.1.:80/x.1.",
    "http://1.2.3.4.5/",
    "http://256.1.1.1/",
    "http://user@example.com/",
    "http://user:password@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "http://example.com\t.evil/",
    "http://example.com/\r\nHost: evil",
    "http://exa mple.com/",
    "http://[fe80::1%25eth0]/",
    "http://[::1",
    "http://::1/",
    "http://ex%61mple.com/",
    "http://exämple.com/",
    "http://１２７.0.0.1/",
    "http://example.com:0/",
    "http://example.com:22/",
    "http://example.com:25/",
    "http://example.com:6379/",
    "http://example.com:99999/",
    "http://example.com:port/",
    "http://example.com/#fragment",
    "http:///path",
    "http:example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "javascript:alert(1)",
    "",
    "http://-example.com/",
    "http://example..com/",
    "https://" + "a" * 3000 + ".com/",
]


@pytest.mark.parametrize("url", TRICKS)
def test_urls_that_could_be_read_in_two_ways_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        read_url(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://Hooks.Example.COM/a?b=c&d=%20", "hooks.example.com", 443),
        ("http://example.com:8080", "example.com", 8080),
        ("http://8.8.8.8/", "8.8.8.8", 80),
        ("https://[2606:4700::1111]:8443/x", "2606:4700::1111", 8443),
        ("https://xn--exmple-cua.com./", "xn--exmple-cua.com", 443),
    ],
)
def test_plain_urls(url: str, host: str, port: int) -> None:
    assert read_url(url)[2:] == (host, port)


@pytest.mark.parametrize("text", FORBIDDEN)
def test_a_url_of_such_an_address_is_forbidden(text: str) -> None:
    with pytest.raises(ForbiddenError, match=r"notifier\.allow"):
        Guard(Allowance()).check_url(f"http://[{text}]/" if ":" in text else f"http://{text}/")


def test_what_the_settings_allow() -> None:
    guard = Guard(Allowance.of("10.1.0.0/16, ::1,relay.internal"))
    for url in ("http://10.1.2.3/", "http://[::ffff:10.1.2.3]/", "http://[::1]/", "http://relay.internal/"):
        guard.check_url(url)
    guard.check(ip_address("192.168.0.1"), "relay.internal")
    for url in ("http://10.2.0.1/", "http://127.0.0.1/", "http://169.254.169.254/"):
        with pytest.raises(ForbiddenError):
            guard.check_url(url)
    with pytest.raises(ForbiddenError):
        guard.check(ip_address("192.168.0.1"), "other.internal")


@pytest.mark.parametrize("text", ["10.0.0.1/8", "*", "a b", "http://x", "2130706433"])
def test_an_allowance_that_is_wrong(text: str) -> None:
    with pytest.raises(ConfigError, match=r"notifier\.allow"):
        Allowance.of(text)
