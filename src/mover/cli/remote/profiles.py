"""Saved servers: a name, an address and an API key, in a file that only its owner can read."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from mover.errors import InvalidConfiguration, NotFound
from mover.vault.secret import Secret

_VARIABLE = "MOVER_PROFILES_FILE"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_OTHERS = 0o077


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """A server that is saved under a name. `ca_file` is who vouches for its certificate, if not the system's."""

    name: str
    server: str
    key: Secret
    ca_file: str | None = None


class _Saved(msgspec.Struct, kw_only=True):
    used: str | None = None
    profiles: list[Profile] = []


class Profiles:
    """The profiles in a file.

    Args:
        path: Made when the first one is saved.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Profile]:
        """All of them by name. Raises InvalidConfiguration, as all others do: the file is not what it should be."""
        return sorted(self._read().profiles, key=lambda profile: profile.name)

    def used(self) -> str | None:
        """The name of the one in use."""
        return self._read().used

    def get(self, name: str) -> Profile:
        """Find one. Raises NotFound."""
        for profile in self._read().profiles:
            if profile.name == name:
                return profile
        raise NotFound(f"there is no profile {name!r}; see: mover profile list")

    def save(self, profile: Profile) -> None:
        """Add one, or replace that of the same name. The first one is used from now on."""
        if not _NAME.fullmatch(profile.name):
            raise InvalidConfiguration("a profile's name is up to 63 letters, digits, and _ . - in between")
        saved = self._read()
        saved.profiles = [*(kept for kept in saved.profiles if kept.name != profile.name), profile]
        saved.used = saved.used or profile.name
        self._write(saved)

    def use(self, name: str) -> None:
        """Make one the one in use. Raises NotFound."""
        self.get(name)
        saved = self._read()
        saved.used = name
        self._write(saved)

    def remove(self, name: str) -> None:
        """Forget one. Raises NotFound."""
        self.get(name)
        saved = self._read()
        saved.profiles = [profile for profile in saved.profiles if profile.name != name]
        saved.used = None if saved.used == name else saved.used
        self._write(saved)

    def _read(self) -> _Saved:
        try:
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & _OTHERS:
                    raise InvalidConfiguration(
                        f"{str(self._path)!r} holds keys and can be read by others; run: chmod 600 on it"
                    )
                return msgspec.json.decode(file.read(), type=_Saved, dec_hook=_to_secret)
        except FileNotFoundError:
            return _Saved()
        except OSError as error:
            raise InvalidConfiguration(
                f"the profiles in {str(self._path)!r} cannot be read: {error.strerror}"
            ) from None
        except msgspec.DecodeError:
            raise InvalidConfiguration(f"{str(self._path)!r} holds no profiles of Mover") from None

    def _write(self, saved: _Saved) -> None:
        content = msgspec.json.format(msgspec.json.encode(saved, enc_hook=_to_text), indent=2) + b"\n"
        new = self._path.with_name(self._path.name + f".{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                new.unlink()
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            new.replace(self._path)
        except OSError as error:
            raise InvalidConfiguration(
                f"the profiles in {str(self._path)!r} cannot be saved: {error.strerror}"
            ) from None


def profiles() -> Profiles:
    """Those of the person at the keyboard; `MOVER_PROFILES_FILE` names another file."""
    named = os.environ.get(_VARIABLE)
    return Profiles(Path(named) if named else platformdirs.user_config_path("mover") / "profiles.json")


def _to_secret(kind: type, value: Any) -> Any:
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError


def _to_text(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError
