from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from tests.certificates import make_authority
from tests.serving.weak import made

from mover.serving.certificates import own_certificate
from mover.serving.strength import weakness

pytestmark = pytest.mark.promise("tls")


def read(path: Path) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(path.read_bytes())


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        (("-newkey", "rsa:1024", "-sha256"), "has a key that is too weak: RSA of 1024 bits"),
        (("-newkey", "rsa:2048", "-sha1"), "has a signature that is too weak: SHA1; use SHA-256"),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"), "ECDSA on the curve secp256k1"),
        (("-newkey", "ed25519"), "neither RSA nor ECDSA"),
    ],
)
def test_what_is_weak_is_named(tmp_path, how, expected):
    assert expected in (weakness(read(made(tmp_path, *how)[0])) or "")


@pytest.mark.parametrize(
    "how",
    [
        ("-newkey", "rsa:2048", "-sha256"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
        ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"),
    ],
)
def test_what_is_strong_is_taken(tmp_path, how):
    assert weakness(read(made(tmp_path, *how)[0])) is None


def test_the_one_that_mover_makes_is_strong(tmp_path):
    assert weakness(read(own_certificate(tmp_path, ("localhost",)).server_file)) is None


def test_a_weak_authority_in_the_chain_is_named_too(tmp_path):
    certificate, _ = make_authority(tmp_path / "ca").issue("localhost")
    weak, _ = made(tmp_path, "-newkey", "rsa:1024", "-subj", "/CN=old authority")
    assert weakness(read(certificate)) is None
    assert "of the authority 'CN=old authority'" in (weakness([*read(certificate), *read(weak)]) or "")


def test_the_signature_of_a_root_at_the_end_is_not_looked_at(tmp_path):
    certificate, _ = make_authority(tmp_path / "ca").issue("localhost")
    root, _ = made(tmp_path, "-newkey", "rsa:2048", "-sha1")
    assert weakness([*read(certificate), *read(root)]) is None
