"""Which certificates are strong enough to serve with: RSA of 2048 bits or more, or ECDSA on a curve that browsers take.

Asked of the whole chain in the file, since the weakest link is what an attacker takes. A root at its end is trusted for
what it is, so its own signature protects nothing and is not looked at (RFC 8446 4.4.2.2).
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

LEAST_RSA_BITS = 2048
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def weakness(chain: Sequence[x509.Certificate]) -> str | None:
    """Say what is too weak about a certificate with its chain, as a clause that follows its file's name; None if nothing is.

    Args:
        chain: The server's certificate first, then those of authorities, as they stand in the file.
    """
    for place, certificate in enumerate(chain):
        whose = "" if place == 0 else f", of the authority {certificate.subject.rfc4514_string()!r},"
        if (about_key := _weak_key(certificate)) is not None:
            return f"has a key{whose} that is too weak: {about_key}"
        its_own = place > 0 and certificate.subject == certificate.issuer
        if not its_own and (about_hash := _weak_signature(certificate)) is not None:
            return f"has a signature{whose} that is too weak: {about_hash}"
    return None


def _weak_key(certificate: x509.Certificate) -> str | None:
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return "it is of no kind that is known here; use RSA of 2048 bits or more, or ECDSA on P-256 or P-384"
    match key:
        case rsa.RSAPublicKey() if key.key_size < LEAST_RSA_BITS:
            return f"RSA of {key.key_size} bits; use {LEAST_RSA_BITS} or more, or ECDSA"
        case rsa.RSAPublicKey():
            return None
        case ec.EllipticCurvePublicKey() if isinstance(key.curve, _CURVES):
            return None
        case ec.EllipticCurvePublicKey():
            return f"ECDSA on the curve {key.curve.name}; use P-256 or P-384"
        case _:
            return "it is neither RSA nor ECDSA, and browsers take no other"


def _weak_signature(certificate: x509.Certificate) -> str | None:
    try:
        used = certificate.signature_hash_algorithm
    except UnsupportedAlgorithm:
        used = None
    if isinstance(used, _HASHES):
        return None
    return f"{used.name.upper() if used else 'an unknown hash'}; use SHA-256 or a longer one"
