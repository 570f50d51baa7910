"""Private keys that people paste are opened in processes that serve everybody: what would take minutes is refused unopened.

OpenSSL looks whether the factors of an RSA key are prime, which takes 1 s for 4096 bits and hours for 65,536; how often a
passphrase is hashed is said by the key itself, up to four thousand million times. Neither can be broken off.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator

from mover.errors import InvalidConfiguration

_LONGEST = 4_600
"""Characters, certificates beside it not counted: one of RSA with 4096 bits has 3,450."""

_MOST_ROUNDS = 1_000  # of bcrypt; ssh-keygen takes 16 to 24, and each is some 10 ms
_MOST_TIMES = 3_000_000  # of PBKDF2 and the like; programs take 2,000 to 1,300,000

_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----")
_BLOCK = re.compile(r"-----BEGIN [^\n]*?-----(.*?)(?:-----END|\Z)", re.DOTALL)
_HEADERS = ("Proc-Type:", "DEK-Info:")  # RFC 1421; what is encrypted so, is opened at once
_OPENSSH = b"openssh-key-v1\0"
_SEQUENCE, _INTEGER, _SCRYPT = 0x30, 0x02, bytes.fromhex("060b2b06010401da47040b")


def expect_modest_key(name: str, value: str) -> None:
    """Raise InvalidConfiguration that names the option if a key is longer, or slower to open, than people's keys are."""
    for text in _texts(value):
        if "-----BEGIN" not in text:
            continue
        rest = _CERTIFICATE.sub("", text)
        if len(rest) > _LONGEST:
            raise InvalidConfiguration(f"{name!r} is longer than a key of 4096 bits; use one that is not")
        for block in _BLOCK.findall(rest):
            lines = block.splitlines()
            if any(":" in line and not line.startswith(_HEADERS) for line in lines):
                raise InvalidConfiguration(f"{name!r} has lines that a private key has no use for")
            # As leniently as those who open it: what is no letter of base64 is passed over.
            body = "".join(line for line in lines if ":" not in line)
            try:
                slow = _is_slow(base64.b64decode(body))
            except (binascii.Error, ValueError, IndexError, RecursionError):
                continue  # no key, which whoever opens it says better
            if slow:
                raise InvalidConfiguration(
                    f"{name!r} has a passphrase that takes too long to look at; make a copy with ssh-keygen -p -a 16, or openssl"
                )


def _texts(value: str) -> Iterator[str]:
    """The value, or all texts in it if it is JSON."""
    yield value
    try:
        waiting = [json.loads(value)] if value.lstrip().startswith("{") else []
    except (ValueError, RecursionError):
        return
    while waiting:
        match waiting.pop():
            case str(text):
                yield text
            case dict(inner):
                waiting += inner.values()
            case list(inner):
                waiting += inner


def _is_slow(key: bytes) -> bool:
    if key.startswith(_OPENSSH):
        at, options = len(_OPENSSH), b""
        for _ in ("cipher", "hash", "options"):
            length = int.from_bytes(key[at : at + 4], "big")
            options, at = key[at + 4 : at + 4 + length], at + 4 + length
        return int.from_bytes(options[-4:], "big") > _MOST_ROUNDS
    start, _ = _content(key, 0)
    if key[start] != _SEQUENCE:  # the key itself, and no passphrase
        return False
    algorithm = key[start : _content(key, start)[1]]  # RFC 5958 section 3
    return _SCRYPT in algorithm or max(_numbers(algorithm), default=0) > _MOST_TIMES


def _numbers(der: bytes) -> Iterator[int]:
    """All numbers in nested sequences."""
    at = 0
    while at < len(der):
        start, end = _content(der, at)
        if der[at] == _SEQUENCE:
            yield from _numbers(der[start:end])
        elif der[at] == _INTEGER:
            yield int.from_bytes(der[start:end], "big")
        at = end


def _content(der: bytes, at: int) -> tuple[int, int]:
    """From where to where the content of an element is (X.690 section 8.1.3)."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        more = length & 0x7F
        length, start = int.from_bytes(der[start : start + more], "big"), start + more
    return start, start + length
