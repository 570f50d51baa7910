"""How a person writes where files are: `./x`, `/x` and `file:/x` on this machine, `name:/x` at a connection."""

from __future__ import annotations

import os
import re

from mover.entries import clean_path
from mover.errors import InvalidConfiguration, one_line
from mover.naming import text_from_bytes
from mover.workplace.addresses import LOCAL_ACCOUNT, Address, LocalAddress, ServiceAddress

_LOCAL_STARTS = ("/", "./", "../")
_CONNECTION = re.compile(r"([^:/]+):(.*)", re.DOTALL)
_LONGEST = 32_768  # characters; more than any service takes


def parse_address(text: str) -> Address:
    """Read an address. Raises InvalidConfiguration that says how one is written."""
    raw = os.fsencode(text)
    shown = text_from_bytes(raw)
    if "\0" in text:
        raise InvalidConfiguration(f"a path must not contain a NUL character: {_short(shown)}")
    if len(text) > _LONGEST:
        raise InvalidConfiguration(f"longer than {_LONGEST} characters: {_short(shown)}")
    if _is_local(text):
        return LocalAddress(shown, _real(raw))
    if text.startswith("file:") and _is_local(text.removeprefix("file:")):
        return LocalAddress(shown, _real(raw.removeprefix(b"file:")))
    if found := _CONNECTION.fullmatch(shown):
        return _at_connection(shown, found[1], found[2])
    hint = f"; did you mean ./{_short(shown, quoted=False)}?" if text and os.path.lexists(raw) else ""
    raise InvalidConfiguration(
        f"not an address: {_short(shown)} (write ./folder or /folder for files of this machine, "
        f"connection:/folder for those at a service){hint}"
    )


def _at_connection(text: str, name: str, path: str) -> Address:
    if name == LOCAL_ACCOUNT:
        raise InvalidConfiguration(f"not an address: {_short(text)} (write file:/folder with a whole path)")
    if path.startswith("//"):
        raise InvalidConfiguration(
            f"not an address: {_short(text)} (connect the service under a name first, then write name:/path)"
        )
    try:
        return ServiceAddress(text, name, clean_path(path))
    except ValueError as error:
        raise InvalidConfiguration(one_line(str(error))) from None


def _is_local(text: str) -> bool:
    return text.startswith(_LOCAL_STARTS) or text in {".", ".."}


def _real(raw: bytes) -> str:
    """The path that the kernel would go to: the ledger knows a folder by it, whatever way leads there."""
    return text_from_bytes(os.path.realpath(raw))


def _short(text: str, *, quoted: bool = True) -> str:
    short = one_line(text, limit=120)
    return repr(short) if quoted else short
