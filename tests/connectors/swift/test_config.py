from __future__ import annotations

import pytest
from pydantic import ValidationError

from mover.connectors.registry import connector_type
from mover.connectors.swift.config import RACKSPACE_URL, SignInForm, SwiftConfig

SECRET = "the-secret"
USER = {"username": "u"}
PASSWORD = USER | {"password": SECRET}


@pytest.mark.parametrize(
    ("given", "form"),
    [
        (PASSWORD | {"url": "https://host/auth/v1.0"}, SignInForm.TEMPAUTH),
        (PASSWORD | {"url": "https://host/v2.0/"}, SignInForm.KEYSTONE2),
        (PASSWORD | {"url": "https://host:5000/identity/v3"}, SignInForm.KEYSTONE3),
        (PASSWORD | {"url": "https://host", "auth": "keystone3"}, SignInForm.KEYSTONE3),
        (USER | {"api_key": SECRET}, SignInForm.RACKSPACE),
        (
            {
                "url": "https://host/v3",
                "application_credential_id": "1",
                "application_credential_secret": SECRET,
            },
            SignInForm.APPLICATION_CREDENTIAL,
        ),
    ],
)
def test_the_other_keys_tell_how_to_sign_in(given: dict[str, str], form: SignInForm) -> None:
    config = SwiftConfig.model_validate(given)
    assert config.form is form
    assert config.sign_in_url == given.get("url", RACKSPACE_URL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://host/v3"},
        {"url": "https://user:password@host/v3"},
        {"url": "https://host/v3?x=1"},
        {"url": "https://host/v3#x"},
        {"url": "https://host/a b"},
        {"url": "ftp://host/v3"},
        {"url": "https://"},
        {"url": "https://host:port/v3"},
        {"url": "https://host"},
        {"url": None},
        {"endpoint": "http://storage/v1/AUTH_a"},
        {"endpoint": "not an address"},
        {"password": None},
        {"auth": "rackspace"},
        {"auth": "application_credential", "application_credential_secret": SECRET},
        {"auth": "magic"},
        {"interface": "admin"},
        {"container": "a/b"},
        {"container": ""},
        {"container": ".."},
        {"container": "x" * 257},
        {"client_key": "key.pem"},
        {"unknown": "1"},
    ],
)
def test_rubbish_is_refused_without_showing_secrets(wrong: dict[str, str | None]) -> None:
    given = {"url": "https://host/v3", **PASSWORD, **wrong}
    with pytest.raises(ValidationError) as caught:
        SwiftConfig.model_validate({key: value for key, value in given.items() if value is not None})
    assert SECRET not in str(caught.value)


def test_plain_http_has_to_be_insisted_on() -> None:
    given = PASSWORD | {"url": "http://host/v3", "endpoint": "http://storage/v1/a", "plain": "true"}
    assert SwiftConfig.model_validate(given).plain


def test_only_secrets_are_secret_and_nothing_is_required_of_every_form() -> None:
    keys = list(SwiftConfig.keys())
    assert {key.name for key in keys if key.secret} == {
        "password",
        "api_key",
        "application_credential_secret",
    }
    assert not [key.name for key in keys if key.required]
    assert "Rackspace" in connector_type("swift").title
