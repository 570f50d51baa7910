"""From the connections and settings of an installation to the hosts and ports that it connects to."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection as Transaction

from mover.connectors.registry import ConnectorType, connector_type, service_names
from mover.database.locations import SQLITE, parsed
from mover.destinations import queries
from mover.errors import AddressRefused, InvalidConfiguration, MoverError
from mover.settings import IPNetwork, Settings
from mover.transport.addresses import AddressRules, forbidden_networks
from mover.transport.destinations import Destination, https
from mover.transport.proxy import Proxy
from mover.vault.secret import Secret
from mover.vault.sources import HashicorpSource, KeySource, KmsSource

_POSTGRESQL_PORT = 5432
_SYSLOG_PORTS = {"tcp": 601, "tls": 6514}
_SMTP_PORTS = {"smtps": 465, "smtp": 587}
_BEYOND_THE_ISSUER = {
    "accounts.google.com": https(
        "oauth2.googleapis.com", "openidconnect.googleapis.com", "www.googleapis.com"
    ),
}
"""Providers whose discovery document leads to other hosts (OpenID Connect Discovery 1.0 section 3)."""


@dataclass(frozen=True, kw_only=True)
class InUse:
    """All that leaves an installation.

    Attributes:
        through_proxy: Where connections lead that go through the proxy, and what for; without a proxy they go directly.
        proxy: The proxy itself.
        own_parts: Database and Temporal of this installation, which are reached directly.
        forbidden: Networks that no name of `through_proxy` may lead to.
        left_out: What could not be listed, in a sentence each.
    """

    through_proxy: Mapping[Destination, tuple[str, ...]]
    proxy: Destination | None
    own_parts: Mapping[Destination, tuple[str, ...]]
    forbidden: tuple[IPNetwork, ...]
    left_out: tuple[str, ...]


class _Gathering:
    """Puts destinations together, and what cannot be one."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules
        self._found: defaultdict[Destination, set[str]] = defaultdict(set)
        self.left_out: list[str] = []

    def add(
        self, what: str, find: Callable[[], Iterable[Destination]], *, is_operators: bool = False
    ) -> None:
        """Add what is found; what people filled in is held to the rules for addresses, as when it is connected to."""
        try:
            for destination in find():
                if not is_operators and not destination.is_domain:
                    self._rules.for_proxy(destination.host)
                self._found[destination].add(what)
        except AddressRefused as error:
            self.left_out.append(f"{what}: {error.message}")
        except (MoverError, ValueError, TypeError, AttributeError):
            # Rows may be of an older Mover, or of somebody who wrote them by hand.
            self.left_out.append(f"{what}: what is stored names no host")

    def found(self) -> Mapping[Destination, tuple[str, ...]]:
        """What was put together, in order."""
        return {destination: tuple(sorted(self._found[destination])) for destination in sorted(self._found)}


def in_use(
    transaction: Transaction, settings: Settings, *, environment: Mapping[str, str] = os.environ
) -> InUse:
    """Read what is connected now. Raises InvalidConfiguration for an unusable setting.

    `environment` may name the region of a key service, as the key service itself looks it up there.
    """
    gathered = _Gathering(AddressRules(settings.allow_private_addresses))
    for stored in queries.connections_in_use(transaction):
        what = f"connection {stored.id} ({stored.service})"
        gathered.add(what, lambda stored=stored: _of_connection(stored))  # type: ignore[misc]  # mypy does not infer lambdas with defaults
    for url in queries.webhook_urls(transaction):
        gathered.add("webhook", lambda url=url: (Destination.of_url(url),))  # type: ignore[misc]  # as above
    for issuer in queries.issuers(transaction):
        gathered.add("single sign-on", lambda issuer=issuer: _of_issuer(issuer))  # type: ignore[misc]  # as above
    for also in settings.egress_also:
        what = "MOVER_EGRESS_ALSO"
        gathered.add(what, lambda also=also: _also(also), is_operators=True)  # type: ignore[misc]  # as above
    if settings.smtp_url is not None:
        url = settings.smtp_url.reveal()
        gathered.add("MOVER_SMTP_URL", lambda: (_of_mail_server(url),))
    if settings.otlp_endpoint is not None:
        endpoint = settings.otlp_endpoint
        gathered.add("MOVER_OTLP_ENDPOINT", lambda: (Destination.of_url(endpoint),), is_operators=True)
    _add_audit_copies(gathered, settings)
    for source in (settings.preferred_global_key, *settings.earlier_global_keys):
        gathered.add(
            "key service",
            lambda source=source: _of_key_service(source, environment),  # type: ignore[misc]  # as above
            is_operators=True,
        )
    own = _Gathering(AddressRules(settings.allow_private_addresses))
    own.add("MOVER_DATABASE_URL", lambda: _of_database(settings.database_url), is_operators=True)
    if settings.staff_database_url is not None:
        staff = settings.staff_database_url
        own.add("MOVER_STAFF_DATABASE_URL", lambda: _of_database(staff), is_operators=True)
    if settings.temporal_address is not None:
        address = settings.temporal_address
        own.add("MOVER_TEMPORAL_ADDRESS", lambda: (_of_host_and_port(address),), is_operators=True)
    proxy = Proxy.parse(settings.proxy) if settings.proxy is not None else None
    return InUse(
        through_proxy=gathered.found(),
        proxy=Destination.to(proxy.host, proxy.port) if proxy is not None else None,
        own_parts=own.found(),
        forbidden=forbidden_networks(settings.allow_private_addresses),
        left_out=(*gathered.left_out, *own.left_out),
    )


def _add_audit_copies(gathered: _Gathering, settings: Settings) -> None:
    if settings.audit_webhook is not None:
        webhook = settings.audit_webhook
        gathered.add("MOVER_AUDIT_WEBHOOK", lambda: (Destination.of_url(webhook),), is_operators=True)
    if settings.audit_syslog is not None:
        parts = urlsplit(settings.audit_syslog)
        if parts.scheme in _SYSLOG_PORTS:  # UDP passes no proxy, and a socket of this machine needs none
            port = parts.port or _SYSLOG_PORTS[parts.scheme]
            gathered.add(
                "MOVER_AUDIT_SYSLOG", lambda: (Destination.to(parts.hostname or "", port),), is_operators=True
            )


def of_configuration(kind: ConnectorType, config: Mapping[str, Any]) -> tuple[Destination, ...]:
    """Where the connections of a configuration lead, without its secrets. Raises InvalidConfiguration."""
    # Not validated anew: the secrets that validators ask for are in the vault, and are nobody's business here. What
    # matters, hosts and ports, is checked by `Destination`.
    filled_in = kind.config.model_construct(**config)
    found = [*kind.reaches(filled_in)]
    if kind.oauth is not None:
        found.append(Destination.of_url(kind.oauth.token_url(filled_in)))
        if kind.oauth.revoke_url is not None:
            found.append(Destination.of_url(kind.oauth.revoke_url(filled_in)))
    return tuple(dict.fromkeys(found))


def _of_connection(stored: queries.Stored) -> tuple[Destination, ...]:
    return of_configuration(connector_type(stored.service), stored.config)


def _also(text: str) -> tuple[Destination, ...]:
    if text in service_names():
        return of_configuration(connector_type(text), {})
    host, _, port = text.rpartition(":")
    if host.startswith("*."):
        return (Destination.below(host.removeprefix("*."), int(port)),)
    return (_of_host_and_port(text),)


def _of_issuer(issuer: str) -> tuple[Destination, ...]:
    own = Destination.of_url(issuer)
    return own, *_BEYOND_THE_ISSUER.get(own.host, ())


def _of_mail_server(url: str) -> Destination:
    parts = urlsplit(url)
    return Destination.to(parts.hostname or "", parts.port or _SMTP_PORTS.get(parts.scheme, 0))


def _of_key_service(source: KeySource, environment: Mapping[str, str]) -> tuple[Destination, ...]:
    match source:
        case HashicorpSource():
            return (Destination.of_url(source.address),)
        case KmsSource(endpoint=str(endpoint)):
            return (Destination.of_url(endpoint),)
        case KmsSource():
            region = (
                source.region_of_key or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
            )
            if not region:
                raise InvalidConfiguration("the region of the key service is not known")
            return https(f"kms.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else ""))
        case _:
            return ()


def _of_database(url: Secret) -> tuple[Destination, ...]:
    location = parsed(url)
    several = location.query.get("host", ())
    hosts = [location.host] if location.host else [several] if isinstance(several, str) else list(several)
    if location.get_backend_name() == SQLITE:
        return ()
    found = []
    for each in hosts:
        host, _, port = each.rpartition(":") if each.count(":") == 1 else (each, "", "")
        if host and not host.startswith("/"):  # a folder of a socket
            found.append(Destination.to(host, int(port or location.port or _POSTGRESQL_PORT)))
    return tuple(found)


def _of_host_and_port(address: str) -> Destination:
    host, _, port = address.rpartition(":")
    return Destination.to(host.removeprefix("[").removesuffix("]"), int(port))
