"""What a server is and can do (FEAT, RFC 2389)."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mover.connectors.ftp.config import FtpAccount
from mover.entries import HashName
from mover.errors import one_line
from mover.transport.curl import FtpWire
from mover.transport.ftp_replies import Reply

_OF_HASH = {
    "CRC32": HashName.CRC32,
    "MD5": HashName.MD5,
    "SHA-1": HashName.SHA1,
    "SHA-256": HashName.SHA256,
    "SHA-512": HashName.SHA512,
}
_OF_COMMAND = {
    "XCRC": HashName.CRC32,
    "XMD5": HashName.MD5,
    "XSHA": HashName.SHA1,
    "XSHA1": HashName.SHA1,
    "XSHA256": HashName.SHA256,
    "XSHA512": HashName.SHA512,
}
_HASH_FEATURE = re.compile(r"[^;\s]+")
_PWD = re.compile(rb'"((?:[^"]|"")*)"')
_UNKNOWN_COMMAND = {500, 502, 504}


class SetTime(enum.Enum):
    """How a server lets times be set."""

    BY_MFMT = "MFMT"  # draft-somers-ftp-mfxx
    BY_MDTM = "MDTM"  # vsftpd: a date before the path
    NOT = ""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a server offers.

    Attributes:
        product: Its name, for people.
        has_mlst: MLST and MLSD.
        has_size: SIZE.
        has_mdtm: MDTM tells times.
        set_time: How times are set.
        hash_names: Algorithms of HASH, as it spells them.
        hash_commands: Commands of the kind of XSHA256, by what they compute.
        wants_utf8: It has UTF8 and may want to be told that it is used.
        list_command: `LIST`, or `LIST -a` where that shows names with a leading dot.
    """

    product: str
    has_mlst: bool
    has_size: bool
    has_mdtm: bool
    set_time: SetTime
    hash_names: Mapping[HashName, str] = field(default_factory=dict)
    hash_commands: Mapping[HashName, str] = field(default_factory=dict)
    wants_utf8: bool = False
    list_command: bytes = b"LIST"

    @property
    def openings(self) -> tuple[bytes, ...]:
        """What is said on every new connection, whatever is answered."""
        return (
            *((b"OPTS UTF8 ON",) if self.wants_utf8 else ()),
            *((b"OPTS MLST type;size;modify;",) if self.has_mlst else ()),
        )


def recognise(wire: FtpWire, config: FtpAccount) -> Traits:
    """Ask a server what it offers; two calls, four if it does not know FEAT."""
    told, system = wire.commands(b"FEAT", b"SYST")
    features = _features(told)
    if told.is_refusal:
        has_size, has_mdtm = (
            reply.code not in _UNKNOWN_COMMAND for reply in wire.commands(b"SIZE /", b"MDTM /")
        )
    else:
        has_size, has_mdtm = "SIZE" in features, "MDTM" in features
    product = _product(wire.greeting, system)
    return Traits(
        product=product,
        has_mlst="MLST" in features,
        has_size=has_size,
        has_mdtm=has_mdtm,
        set_time=_set_time(config, features, product),
        hash_names={
            _OF_HASH[name]: name
            for name in (found.removesuffix("*") for found in _HASH_FEATURE.findall(features.get("HASH", "")))
            if name in _OF_HASH
        },
        hash_commands={name: command for command, name in _OF_COMMAND.items() if command in features},
        wants_utf8="UTF8" in features,
    )


def working_folder(reply: Reply) -> bytes:
    """Return the path in the answer to PWD (RFC 959, appendix II); `/` if there is none."""
    found = _PWD.search(reply.text)
    path = found[1].replace(b'""', b'"') if found else b""
    return path if path.startswith(b"/") else b"/"


def _features(told: Reply) -> dict[str, str]:
    """Return the parameters of each feature; none if the server does not know FEAT."""
    if told.is_refusal:
        return {}
    lines = [line.decode("ascii", "replace").strip() for line in told.body]
    return {
        name.upper(): parameters.strip() for name, _, parameters in (line.partition(" ") for line in lines)
    }


def _set_time(config: FtpAccount, features: Mapping[str, str], product: str) -> SetTime:
    match config.set_times:
        case "no":
            return SetTime.NOT
        case "mfmt":
            return SetTime.BY_MFMT
        case "mdtm":
            return SetTime.BY_MDTM
        case "auto" if "MFMT" in features:
            return SetTime.BY_MFMT
        case _ if "vsftpd" in product.lower() and "MDTM" in features:
            return SetTime.BY_MDTM
        case _:
            return SetTime.NOT


def _product(greeting: Reply | None, system: Reply) -> str:
    said = greeting.lines[0][4:].decode("utf-8", "replace").strip(" -") if greeting else ""
    kind = "" if system.is_refusal else system.text.decode("utf-8", "replace")
    if not said or "windows" in kind.lower():  # Windows_NT: the names that it takes depend on it
        said = f"{said} {kind}"
    return one_line(said, limit=80) or "FTP server"
