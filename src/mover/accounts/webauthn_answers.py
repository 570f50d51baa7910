"""What browsers answer about passkeys, checked (WebAuthn level 2, sections 7.1 and 7.2); the `webauthn` library does the work.

Everything here is from outside: whatever cannot be read or does not verify is one `SignInRefused`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from mover.accounts.queries.passkeys import StoredPasskey
from mover.accounts.records import Person
from mover.accounts.refusals import SignInRefused
from mover.accounts.site import Site

_LONGEST_ANSWER = 64 * 1024
_LONGEST_CREDENTIAL_ID = 1023  # bytes, WebAuthn level 2 section 4
_TIMEOUT_MS = 5 * 60 * 1000
_KNOWN_TRANSPORTS = frozenset(transport.value for transport in AuthenticatorTransport)


def registration_options(
    site: Site, person: Person, challenge: bytes, existing: Sequence[StoredPasskey]
) -> str:
    """Ask for a new passkey that the authenticator finds by itself and that verifies its user; as JSON."""
    options = generate_registration_options(
        rp_id=site.host,
        rp_name=site.name,
        user_id=person.id.encode("ascii"),
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(existing),
    )
    return options_to_json(options)


def sign_in_options(site: Site, challenge: bytes, allowed: Sequence[StoredPasskey] = ()) -> str:
    """Ask for one of these passkeys, or for any; as JSON."""
    options = generate_authentication_options(
        rp_id=site.host,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_descriptors(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def verified_registration(site: Site, response: str, challenge: bytes) -> VerifiedRegistration:
    """Check the answer to `registration_options`. Raises SignInFailed."""
    with _refused("the new passkey cannot be accepted"):
        made = verify_registration_response(
            credential=_object(response),
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        if len(made.credential_id) > _LONGEST_CREDENTIAL_ID:
            raise ValueError
        return made


def verified_sign_in(
    site: Site, response: str, challenge: bytes, passkey: StoredPasskey
) -> VerifiedAuthentication:
    """Check the answer to `sign_in_options` by one passkey. Raises SignInFailed."""
    with _refused("the passkey's answer is not right"):
        answered = _object(response)
        handle = answered["response"].get("userHandle")
        if handle and base64url_to_bytes(handle) != passkey.person_id.encode("ascii"):
            raise ValueError
        return verify_authentication_response(
            credential=answered,
            expected_challenge=challenge,
            expected_rp_id=site.host,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )


def credential_of(response: str) -> str:
    """Read which passkey answers, as its id is kept. Raises SignInFailed."""
    with _refused("the passkey's answer cannot be read"):
        return bytes_to_base64url(base64url_to_bytes(_object(response)["rawId"]))


def transports_of(response: str) -> tuple[str, ...]:
    """Read by which ways a new passkey can be reached; unknown ones are left out."""
    with _refused("the new passkey cannot be read"):
        named = _object(response)["response"].get("transports") or []
        return tuple(sorted({name for name in named if name in _KNOWN_TRANSPORTS}))


def _object(response: str) -> dict[str, Any]:
    if len(response) > _LONGEST_ANSWER:
        raise ValueError
    found = json.loads(response)
    if not isinstance(found, dict) or not isinstance(found.get("response"), dict):
        raise TypeError
    return found


@contextmanager
def _refused(what: str) -> Iterator[None]:
    try:
        yield
    # The library hands on whatever its parsers of CBOR, ASN.1 and keys raise; none of it is more than "not right".
    except Exception as error:
        raise SignInRefused(what) from error


def _descriptors(passkeys: Sequence[StoredPasskey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=base64url_to_bytes(passkey.credential_id),
            transports=[AuthenticatorTransport(name) for name in passkey.transports],
        )
        for passkey in passkeys
    ]
