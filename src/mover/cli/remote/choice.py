"""Which server, with which key: from options, variables, or a saved profile."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from mover.cli.faults import say
from mover.cli.remote.profiles import profiles
from mover.cli.values import read_elsewhere
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

KEY_VARIABLE = "MOVER_API_KEY"
SERVER_VARIABLE = "MOVER_SERVER"
_ELSEWHERE = ("@env:", "@file:")
_KEY = re.compile(r"[A-Za-z0-9._~+/=-]{8,512}")


@dataclass(frozen=True)
class Options:
    """What stands before the command. None: not given."""

    server: str | None = None
    api_key: str | None = field(default=None, repr=False)
    profile: str | None = None
    ca_file: Path | None = None


@dataclass(frozen=True)
class ServerChoice:
    """A server that can be called."""

    url: str
    key: Secret
    ca_file: Path | None


def choose(given: Options) -> ServerChoice:
    """Decide. What is given wins over variables, and these win over the profile in use.

    A key is never sent to another server than the one that it was saved for: with `--server`, a profile counts only if
    it is named, and then for that very server.

    Raises InvalidConfiguration, NotFound (the profile).
    """
    known = profiles()
    address = given.server or (None if given.profile else os.environ.get(SERVER_VARIABLE) or None)
    name = given.profile or (None if address else known.used())
    profile = known.get(name) if name else None
    if profile is not None and address is not None and checked_address(address) != profile.server:
        raise InvalidConfiguration(
            f"the profile {profile.name!r} is for {profile.server}; leave --server out"
        )
    if profile is None and address is None:
        raise InvalidConfiguration(
            "no server is named; give --server https://..., or save one: mover profile add NAME --server https://..."
        )
    url = profile.server if profile is not None else checked_address(address or "")
    key = key_from(given.api_key) or (profile.key if profile else None)
    if key is None:
        raise InvalidConfiguration(f"no API key; set {KEY_VARIABLE}, or save one: mover profile add")
    ca_file = given.ca_file or (Path(profile.ca_file) if profile and profile.ca_file else None)
    return ServerChoice(url, key, ca_file)


def key_from(option: str | None) -> Secret | None:
    """The key of `--api-key` or of MOVER_API_KEY. Raises InvalidConfiguration."""
    if option is None:
        found = os.environ.get(KEY_VARIABLE)
        return checked_key(Secret(found)) if found else None
    if option.startswith(_ELSEWHERE):
        return checked_key(read_elsewhere("--api-key", option))
    say(
        "the API key stands in the command line, where others on this machine can see it",
        f"Better: set {KEY_VARIABLE}, give --api-key @file:PATH, or save a profile: mover profile add",
        style="bold yellow",
    )
    return checked_key(Secret(option))


def checked_key(key: Secret) -> Secret:
    """A key that can stand in a header. Raises InvalidConfiguration, without showing it."""
    text = key.reveal().strip()
    if not _KEY.fullmatch(text):
        raise InvalidConfiguration("that is no API key; it looks like mvr_..., without blanks")
    return Secret(text)


def checked_address(text: str) -> str:
    """A server's address as `https://host[:port]`. Raises InvalidConfiguration."""
    try:
        parts = urlsplit(text if "//" in text else f"https://{text}")
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        raise InvalidConfiguration("--server: give https://host[:port]") from None
    if parts.scheme == "http":
        raise InvalidConfiguration(
            "--server: plain http is refused, since the API key could be read on the way; use https"
        )
    if not usable or parts.scheme != "https" or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise InvalidConfiguration("--server: give https://host[:port], without a path")
    return f"https://{parts.netloc.lower()}"
