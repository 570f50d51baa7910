"""Keys that people give are read in the process that serves everybody: whatever they are, that takes no time and repeats nothing."""

from __future__ import annotations

import base64
import math
import secrets
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mover.errors import InvalidConfiguration
from mover.migrations.given.wanted import GivenKeys
from mover.sealing.age.identities import read_identities
from mover.sealing.crypt.settings import read_crypt_settings
from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P11")

E = 65_537


def factor(bits: int, by: int) -> int:
    """A number of so many bits that could be a factor of a key, but for being divisible."""
    while True:
        found = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if found % by == 0 and math.gcd(found - 1, E) == 1:
            return found


def text(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def number(value: int) -> bytes:
    return text(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def pem(body: bytes) -> Secret:
    kind, spelled = "OPENSSH PRIVATE KEY", base64.b64encode(body).decode()
    return Secret(f"-----BEGIN {kind}-----\n{spelled}\n-----END {kind}-----")


def ssh_rsa(p: int, q: int, /, **other: int) -> Secret:
    """A key of these factors, as ssh-keygen writes it, with some of its numbers changed."""
    found = {
        "n": p * q,
        "d": pow(E, -1, math.lcm(p - 1, q - 1)),
        "iqmp": pow(q, -1, p),
        "p": p,
        "q": q,
        **other,
    }
    public = text(b"ssh-rsa") + number(E) + number(found["n"])
    private = struct.pack(">II", 7, 7) + text(b"ssh-rsa") + number(found["n"]) + number(E)
    private += b"".join(number(found[name]) for name in ("d", "iqmp", "p", "q")) + text(b"")
    private += bytes(range(1, 1 + -len(private) % 8))
    none = text(b"none") * 2 + text(b"")
    return pem(b"openssh-key-v1\0" + none + struct.pack(">I", 1) + text(public) + text(private))


def factors(bits: int) -> tuple[int, int]:
    while True:
        p, q = factor(bits // 2, 3), factor(bits // 2, 5)
        if math.gcd(p, q) == 1:
            return p, q


def test_a_long_key_is_read_without_looking_for_primes_and_not_taken_for_a_run() -> None:
    """OpenSSL would take 18 s for that, in which an API answers nobody."""
    long = ssh_rsa(*factors(8_192))
    assert len(long.reveal()) < 8_000
    assert read_identities([long]).held
    with pytest.raises(InvalidConfiguration, match=r"^open_with: the SSH key is longer than 4096 bits$"):
        GivenKeys(open_with=long).check()
    GivenKeys(open_with=ssh_rsa(*factors(4_096))).check()


@pytest.mark.parametrize("wrong", ["n", "d", "iqmp", "p", "q"])
@pytest.mark.parametrize("value", [0, 1, 2, None])
def test_a_key_whose_numbers_do_not_belong_together_is_refused(wrong: str, value: int | None) -> None:
    p, q = factors(1_024)
    other = factors(1_024)[0] if value is None else value
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        read_identities([ssh_rsa(p, q, **{wrong: other})])


def test_a_point_that_is_spelled_otherwise_is_refused_in_words() -> None:
    curve = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()
    )
    body = base64.b64decode(b"".join(curve.splitlines()[1:-1]))
    compressed = body.replace(b"\0\0\0\x41\x04", b"\0\0\0\x41\x02")
    assert compressed != body
    with pytest.raises(InvalidConfiguration, match="cannot be read"):
        read_identities([pem(compressed)])


@pytest.mark.parametrize("line", ["filename_encryption = canary", "filename_encoding = canary"])
def test_nothing_of_a_section_is_repeated(line: str) -> None:
    password = base64.urlsafe_b64encode(bytes(20)).decode().rstrip("=")
    section = f"[x]\ntype = crypt\npassword = {password}\n{line}\n"
    with pytest.raises(InvalidConfiguration, match="filename_encryption is standard") as refused:
        read_crypt_settings(Secret(section))
    assert "canary" not in str(refused.value)
