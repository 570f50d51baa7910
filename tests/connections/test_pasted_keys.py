"""Keys that people paste are opened in processes of everybody: those that would take minutes are refused unopened."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mover.connections.pasted_keys import expect_modest_key
from mover.connections.service_rules import ServiceRules
from mover.connectors.registry import connector_type
from mover.errors import InvalidConfiguration

KEY = Ed25519PrivateKey.generate()
EC = generate_private_key(SECP256R1())
SECRET = BestAvailableEncryption(b"a passphrase")


def armoured(kind: str, body: str) -> str:
    return f"-----BEGIN {kind} PRIVATE KEY-----\n{body}\n-----END {kind} PRIVATE KEY-----"


def pem(form: PrivateFormat, *, encrypted: bool = False) -> str:
    return KEY.private_bytes(Encoding.PEM, form, SECRET if encrypted else NoEncryption()).decode()


@pytest.mark.parametrize("form", [PrivateFormat.OpenSSH, PrivateFormat.PKCS8])
@pytest.mark.parametrize("encrypted", [False, True])
def test_keys_of_people_are_taken(form: PrivateFormat, *, encrypted: bool) -> None:
    expect_modest_key("private_key", pem(form, encrypted=encrypted))
    chain = "-----BEGIN CERTIFICATE-----\n" + "A" * 9_000 + "\n-----END CERTIFICATE-----\n"
    expect_modest_key("private_key", chain + pem(form, encrypted=encrypted))


def hashed_for_ever() -> str:
    """A passphrase that bcrypt takes four thousand million rounds for."""
    raw = base64.b64decode("".join(pem(PrivateFormat.OpenSSH, encrypted=True).splitlines()[1:-1]))
    at = raw.index(b"bcrypt") + len(b"bcrypt") + 4 + 4 + 16
    raw = raw[:at] + b"\xff" * 4 + raw[at + 4 :]
    spelled = base64.b64encode(raw).decode()
    return armoured("OPENSSH", spelled)


def derived_for_ever() -> str:
    """A passphrase that is hashed by PBKDF2 two thousand million times."""
    algorithm = (
        bytes.fromhex("3024 0609 2a864886f70d01050c 3017 0408") + bytes(8) + bytes.fromhex("0204 7fffffff")
    )
    algorithm = bytes.fromhex("06092a864886f70d01050d") + b"\x30" + bytes([len(algorithm)]) + algorithm
    algorithm = b"\x30" + bytes([len(algorithm)]) + algorithm
    whole = algorithm + b"\x04\x10" + bytes(16)
    spelled = base64.b64encode(b"\x30" + bytes([len(whole)]) + whole).decode()
    return armoured("ENCRYPTED", spelled)


LONG = armoured("RSA", "A" * 6_400)


@pytest.mark.parametrize("text", [hashed_for_ever(), derived_for_ever(), LONG])
@pytest.mark.parametrize("in_json", [False, True])
def test_what_would_take_minutes_is_refused_unopened(text: str, *, in_json: bool) -> None:
    given = (
        json.dumps({"boxAppSettings": [{"privateKey": text}]}).replace("-", "\\u002d") if in_json else text
    )
    with pytest.raises(InvalidConfiguration, match=r"^'private_key' (is longer|has a passphrase)"):
        expect_modest_key("private_key", given)


@pytest.mark.parametrize("hiding", ["Comment: x", "!", "\t- -"])
def test_nothing_in_front_of_it_hides_it(hiding: str) -> None:
    begin, _, rest = hashed_for_ever().partition("\n")
    with pytest.raises(InvalidConfiguration, match="'private_key' has"):
        expect_modest_key("private_key", f"{begin}\n{hiding}\n{rest}")


def test_a_key_of_pem_with_a_passphrase_is_taken() -> None:
    form = PrivateFormat.TraditionalOpenSSL
    made = EC.private_bytes(Encoding.PEM, form, SECRET).decode()
    assert "Proc-Type: 4,ENCRYPTED" in made
    expect_modest_key("private_key", made)


def test_the_rules_of_the_service_look_at_them() -> None:
    with pytest.raises(InvalidConfiguration, match="is longer than a key of 4096 bits"):
        ServiceRules().check(connector_type("sftp"), {"private_key": LONG})
