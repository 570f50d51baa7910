"""Hosts and ports: what a connection leads to, whatever stands in its configuration."""

from __future__ import annotations

import ast
import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mover.connectors
from mover.connectors.registry import connector_type, service_names
from mover.connectors.s3.destinations import REGIONS
from mover.destinations.in_use import of_configuration
from mover.errors import AddressRefused, InvalidConfiguration
from mover.settings import PrivateAddresses
from mover.transport.addresses import AddressRules, forbidden_networks
from mover.transport.destinations import Destination

pytestmark = pytest.mark.promise("egress")

FIXED = {
    "box": {},
    "box-enterprise": {},
    "dropbox": {},
    "dropbox-business": {},
    "egnyte": {"domain": "acme"},
    "google": {},
    "google-admin": {},
    "onedrive": {"tenant": "common"},
    "sharepoint": {"tenant": "organizations"},
    "office365": {"tenant": "acme.example"},
}
ONLY_BROWSERS = {"accounts.google.com", "account.box.com", "www.dropbox.com"}
"""Where people sign in by themselves: no process of Mover's goes there."""


def shown(service: str, config: dict) -> set[str]:
    return {str(each) for each in of_configuration(connector_type(service), config)}


@pytest.mark.parametrize(
    ("service", "config", "expected"),
    [
        ("sftp", {"host": "NAS.example.org", "port": 2222}, {"nas.example.org:2222"}),
        ("sftp", {"host": "0x7f.1"}, {"127.0.0.1:22"}),
        ("mysql", {"host": "2001:db9::7", "port": 3307}, {"[2001:db9::7]:3307"}),
        ("ftp", {"host": "f.example.org"}, {"f.example.org:21", "f.example.org:1024-65535"}),
        (
            "ftps",
            {"host": "f.example.org", "tls": "implicit"},
            {"f.example.org:990", "f.example.org:1024-65535"},
        ),
        ("ftps", {"host": "f.example.org", "port": 2121}, {"f.example.org:2121", "f.example.org:1024-65535"}),
        ("webdav", {"url": "https://Bücher.example/dav/"}, {"xn--bcher-kva.example:443"}),
        ("webdav", {"url": "http://cloud.example.org/dav/", "plain": True}, {"cloud.example.org:80"}),
        ("s3", {"endpoint": "https://minio.example.org:9000", "bucket": "b"}, {"minio.example.org:9000"}),
        (
            "s3",
            {"region": "eu-central-1", "bucket": "acme-files"},
            {"s3.eu-central-1.amazonaws.com:443", "acme-files.s3.eu-central-1.amazonaws.com:443"},
        ),
        (
            "s3",
            {"region": "cn-north-1"},
            {"s3.cn-north-1.amazonaws.com.cn:443", "*.s3.cn-north-1.amazonaws.com.cn:443"},
        ),
        ("swift", {}, {"identity.api.rackspacecloud.com:443", "*.clouddrive.com:443"}),
        (
            "swift",
            {
                "url": "https://keys.example.org:5000/v3",
                "endpoint": "https://store.example.org:8080/v1/AUTH_x",
            },
            {"keys.example.org:5000", "store.example.org:8080"},
        ),
        ("egnyte", {"domain": "acme"}, {"acme.egnyte.com:443"}),
        ("local", {"path": "/srv"}, set()),
    ],
)
def test_a_configuration_leads_to_its_hosts_in_the_spelling_that_the_proxy_is_asked_for(
    service: str, config: dict, expected: set[str]
) -> None:
    assert shown(service, config) == expected


def test_a_bucket_whose_region_is_not_named_can_be_in_each_of_them_and_nowhere_else() -> None:
    found = shown("s3", {"bucket": "acme-files"})
    assert found == {
        f"{host}s3.{region}.amazonaws.com:443" for region in REGIONS for host in ("", "acme-files.")
    }


@pytest.mark.parametrize("service", service_names())
def test_every_service_says_where_it_leads(service: str) -> None:
    examples = {
        "sftp": {"host": "a.b"},
        "mysql": {"host": "a.b"},
        "ftp": {"host": "a.b"},
        "ftps": {"host": "a.b"},
    }
    config = {**FIXED, **examples, "webdav": {"url": "https://a.b/"}}.get(service, {})
    assert bool(shown(service, config)) == (service != "local")


@pytest.mark.parametrize("package", ["box", "dropbox", "google", "microsoft", "egnyte"])
def test_every_address_in_a_connectors_code_is_one_that_is_listed(package: str) -> None:
    services = [name for name in FIXED if connector_type(name).config.__module__.split(".")[2] == package]
    listed = [each for name in services for each in of_configuration(connector_type(name), FIXED[name])]
    written = set()
    for path in (Path(mover.connectors.__file__).parent / package).glob("*.py"):
        if path.name == "costs.py":
            continue  # it calls nobody: its addresses are pages of the vendor that say what the numbers are
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith("https://")
                and "[" not in node.value  # a pattern
            ):
                host = urlsplit(node.value).hostname
                written |= {host} if host and "." in host else set()
    missing = {
        host
        for host in written - ONLY_BROWSERS
        if not any(host == each.host or (each.is_domain and host.endswith(each.host)) for each in listed)
    }
    assert missing == set()


@given(st.text(max_size=60), st.integers(-5, 70_000))
def test_no_text_becomes_a_host_that_could_be_anything_else_to_a_configuration_file(
    text: str, port: int
) -> None:
    try:
        found = Destination.to(text, port)
    except InvalidConfiguration:
        return
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789.-_:")
    assert set(found.host) <= allowed
    assert not found.host.startswith(("-", "."))
    assert 0 < found.first_port < 65_536
    # What is listed is what the proxy is asked for.
    assert AddressRules(PrivateAddresses(every=True)).for_proxy(text) == found.host


@pytest.mark.parametrize(
    "host",
    [
        "evil.example\nhttp_access allow all",
        "a.b http_access",
        "x; }",
        '"/etc/passwd"',
        "-n",
        "-i.example",
        "a.-b",
        "*.example.org",
        "fe80::1%eth0",
        "a" * 64 + ".example",
        ".".join(["a" * 60] * 5),
        "",
        "#",
        "a/24",
        "all\u2028b",
    ],
)
def test_hostile_hosts_are_refused(host: str) -> None:
    with pytest.raises(InvalidConfiguration):
        Destination.to(host, 443)


@pytest.mark.parametrize("domain", ["com", "10.0.0.0", "*", ""])
def test_a_whole_top_level_is_never_a_destination(domain: str) -> None:
    with pytest.raises(InvalidConfiguration):
        Destination.below(domain)


def test_what_names_may_not_lead_to_is_all_that_is_special_but_what_the_operator_permits() -> None:
    rules = PrivateAddresses.parse("10.1.0.0/16, fd00::/8")
    left = forbidden_networks(rules)
    for inside in ("10.0.0.1", "10.2.0.1", "127.0.0.1", "169.254.169.254", "::1", "fc00::1"):
        assert any(_in(inside, network) for network in left), inside
    for outside in ("10.1.2.3", "fd00::1", "8.8.8.8", "2606:4700::1"):
        assert not any(_in(outside, network) for network in left), outside
    assert forbidden_networks(PrivateAddresses(every=True)) == ()


CARRIED = ("127.0.0.1", "169.254.169.254", "10.0.0.1", "10.1.2.3", "8.8.8.8", "0.0.0.1", "168.63.129.16")
CARRYING = ("::{}", "::ffff:0:{}", "64:ff9b::{}", "2002:{hex}::1")
OTHERS = (
    "1::1",
    "65::1",
    "80::1",
    "1fff::1",
    "4000::1",
    "fe80::1",
    "5f00::1",
    "2001::1",
    "2a00::1",
    "64:ff9b:1::1",
)


def test_a_name_cannot_lead_to_what_an_address_may_not() -> None:
    """Whatever is refused when somebody types it is refused by the proxy when a name server says it, and nothing else."""
    permitted = PrivateAddresses.parse("10.1.0.0/16, fd00::/8")
    left, rules = forbidden_networks(permitted), AddressRules(permitted)
    spelled = [
        form.format(
            address, hex=f"{(number := int(ipaddress.ip_address(address))) >> 16:x}:{number & 0xFFFF:x}"
        )
        for form in CARRYING
        for address in CARRIED
    ]
    for each in (*spelled, *OTHERS):
        try:
            rules.check(ipaddress.ip_address(each))
            refused = each == "2001::1"  # Teredo's are refused whole
        except AddressRefused:
            refused = True
        assert any(_in(each, network) for network in left) is refused, each


def _in(address: str, network: object) -> bool:
    found = ipaddress.ip_address(address)
    return isinstance(network, ipaddress.IPv4Network | ipaddress.IPv6Network) and found in network
