"""The address under which people reach this installation: where links lead, and what passkeys are bound to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret


@dataclass(frozen=True)
class Site:
    """The installation's own address, `https://host[:port]`, without a path.

    Attributes:
        url: As the operator wrote it (`MOVER_PUBLIC_URL`), without a `/` at its end.
        name: What browsers and authenticator apps show.
    """

    url: str
    name: str = "Mover"

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        else:
            # Browsers take http as safe on this machine only (W3C Secure Contexts section 3.1).
            usable = usable and (
                parts.scheme == "https" or (parts.scheme, parts.hostname) == ("http", "localhost")
            )
            usable = usable and not (parts.path or parts.query or parts.fragment or parts.username)
        if not usable:
            raise InvalidConfiguration(
                "the public address has to be https://host or https://host:port, without anything after it"
            )

    @property
    def origin(self) -> str:
        """What browsers call the origin: lower case, without the standard port."""
        parts = urlsplit(self.url)
        standard = 443 if parts.scheme == "https" else 80
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        return f"{parts.scheme}://{shown}" + ("" if parts.port in {None, standard} else f":{parts.port}")

    @property
    def host(self) -> str:
        """The host: the relying party of passkeys."""
        return urlsplit(self.url).hostname or ""

    def invitation(self, token: Secret) -> str:
        """Where an invitation's link leads."""
        return f"{self.origin}/join/{token.reveal()}"

    def password_reset(self, token: Secret) -> str:
        """Where the link leads that sets a new password."""
        return f"{self.origin}/new-password/{token.reveal()}"

    def email_address(self, token: Secret) -> str:
        """Where the link leads that verifies an e-mail address."""
        return f"{self.origin}/verify-address/{token.reveal()}"

    def single_sign_on(self, organisation_id: str) -> str:
        """Where an organisation's people come in by its provider, whatever their addresses are."""
        return f"{self.origin}/sign-in/organisation/{quote(organisation_id, safe='')}"

    def single_sign_on_return(self, organisation_id: str) -> str:
        """Where an organisation's provider sends people back to: one address for each, so that none can be mixed up."""
        return f"{self.single_sign_on(organisation_id)}/return"

    def connection_return(self, vendor: str) -> str:
        """Where a vendor sends people back to who connect an account there: one address for each, for the same reason."""
        return f"{self.origin}/connections/oauth/{quote(vendor, safe='')}/return"
