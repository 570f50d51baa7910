"""What a person fills in to connect to OpenStack Swift, Rackspace Cloud Files among them."""

from __future__ import annotations

import enum
import re
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.connectors.swift.addresses import check_address
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

RACKSPACE_URL = "https://identity.api.rackspacecloud.com/v2.0"

_LONGEST_CONTAINER = 256  # max_container_name_length of /info
_VERSION = re.compile(r"/v([123])(?:\.\d+)?/?$")


class SignInForm(enum.StrEnum):
    """How the account proves who it is."""

    AUTO = "auto"
    RACKSPACE = "rackspace"
    KEYSTONE2 = "keystone2"
    KEYSTONE3 = "keystone3"
    APPLICATION_CREDENTIAL = "application_credential"
    TEMPAUTH = "tempauth"


class Interface(enum.StrEnum):
    """Which of a region's addresses in the catalogue is called."""

    PUBLIC = "public"
    INTERNAL = "internal"


class SwiftConfig(ConnectorConfig):
    """Keys of `mover connect swift NAME`."""

    url: str | None = setting(
        None,
        help="Address of the sign-in: https://host/v2.0, /v3 or /auth/v1.0; Rackspace's if an api_key is given",
        ask=True,
    )
    username: str | None = setting(None, help="User name; with TempAuth account:user", ask=True)
    password: Secret | None = setting(None, help="Password, or TempAuth's key", ask=True)
    api_key: Secret | None = setting(None, help="Rackspace API key, instead of the password")
    application_credential_id: str | None = setting(None, help="Id of a Keystone application credential")
    application_credential_name: str | None = setting(
        None, help="Its name instead of its id, together with username"
    )
    application_credential_secret: Secret | None = setting(None, help="Its secret")
    auth: SignInForm = setting(
        SignInForm.AUTO,
        help="Form of the sign-in: rackspace, keystone2, keystone3, application_credential, tempauth; "
        "auto: by the other keys",
    )
    project: str | None = setting(None, help="Project (tenant) by name; the user's own if left out")
    project_id: str | None = setting(None, help="Project (tenant) by id")
    user_domain: str = setting("Default", help="Domain of the user, by name (Keystone v3)")
    user_domain_id: str | None = setting(None, help="Domain of the user, by id")
    project_domain: str | None = setting(None, help="Domain of the project, by name; the user's if left out")
    project_domain_id: str | None = setting(None, help="Domain of the project, by id")
    region: str | None = setting(None, help="Region, e.g. DFW; the user's own or the only one if left out")
    interface: Interface = setting(
        Interface.PUBLIC, help="Address in the region's catalogue to call: public or internal"
    )
    endpoint: str | None = setting(
        None, help="Address of the account, instead of the one that the sign-in names: https://host/v1/AUTH_x"
    )
    container: str | None = setting(
        None, help="Container; without it the top folders are the containers of the account", ask=True
    )
    ca_file: Path | None = setting(None, help="Certificates (PEM) to trust instead of the system's")
    client_certificate: Path | None = setting(None, help="Certificate (PEM) to show to the service")
    client_key: Path | None = setting(None, help="Key of the client certificate (PEM)")
    plain: bool = setting(
        False, help="true allows http:// without encryption, of the storage that the sign-in names too"
    )

    @field_validator("container")
    @classmethod
    def _container_is_a_name(cls, container: str | None) -> str | None:
        if container is not None and (
            container in {"", ".", ".."}
            or "/" in container
            or not container.isprintable()
            or len(container.encode()) > _LONGEST_CONTAINER
        ):
            raise ValueError("must be the name of a container, without slashes")
        return container

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        try:
            for address in filter(None, (self.url, self.endpoint)):
                check_address(address, plain=self.plain)
            form = self.form
        except InvalidConfiguration as error:
            raise ValueError(error.message) from error
        missing = [name for name in _NEEDED[form] if not getattr(self, name)]
        if missing:
            raise ValueError(f"{form.value} needs {' and '.join(missing)}")
        if form is SignInForm.APPLICATION_CREDENTIAL:
            named = self.application_credential_name and self.username
            if not (self.application_credential_id or named):
                raise ValueError("an application credential is given by its id, or by its name and username")
        if form is not SignInForm.RACKSPACE and self.url is None:
            raise ValueError("url is missing: the address of the sign-in")
        if bool(self.client_certificate) < bool(self.client_key):
            raise ValueError("client_key needs client_certificate")
        return self

    @property
    def form(self) -> SignInForm:
        """The form of the sign-in, found out where it is left open. Raises InvalidConfiguration."""
        if self.auth is not SignInForm.AUTO:
            return self.auth
        if self.application_credential_secret is not None:
            return SignInForm.APPLICATION_CREDENTIAL
        if self.api_key is not None:
            return SignInForm.RACKSPACE
        found = _VERSION.search(urlsplit(self.url or "").path)
        if found is None:
            raise InvalidConfiguration("say by auth= how to sign in: the address does not tell")
        return {"1": SignInForm.TEMPAUTH, "2": SignInForm.KEYSTONE2, "3": SignInForm.KEYSTONE3}[found[1]]

    @property
    def sign_in_url(self) -> str:
        """Where to sign in."""
        return self.url or RACKSPACE_URL


_NEEDED = {
    SignInForm.RACKSPACE: ("username", "api_key"),
    SignInForm.KEYSTONE2: ("username", "password"),
    SignInForm.KEYSTONE3: ("username", "password"),
    SignInForm.APPLICATION_CREDENTIAL: ("application_credential_secret",),
    SignInForm.TEMPAUTH: ("username", "password"),
}
