"""Where a global key can be held, as an operator names it in the settings. `providers.py` has the provider for each.

[global_key_source]
kind = "hashicorp"
address = "https://vault.example.org:8200"
key = "mover"
role_id = "..."
secret_id_file = "/run/secrets/mover-secret-id"
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mover.vault.secret import Secret

KUBERNETES_TOKEN_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_MOUNT = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_REGION = re.compile(r"[a-z0-9-]+")
_KEY_ARN = re.compile(r"arn:[a-z-]+:kms:([a-z0-9-]+):[0-9]+:(key|alias)/.+")


def _address(text: str) -> str:
    parts = urlsplit(text)
    usable = parts.scheme in {"https", "http"} and parts.hostname and not parts.query and not parts.fragment
    if not usable or parts.username is not None or not text.isascii():
        raise ValueError("give https://host:port")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise ValueError("plain http would show the key to everybody on the way; give https://host:port")
    return text.rstrip("/")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text) or text in {".", ".."}:
        raise ValueError("a name has letters, digits, and _.- only")
    return text


def _mount(text: str) -> str:
    if not _MOUNT.fullmatch(text) or {".", ".."}.intersection(text.split("/")):
        raise ValueError("a mount is a path such as transit or team/transit")
    return text


def _region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("a region is spelled like eu-central-1")
    return text


def _absolute(path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        raise ValueError("there is no home folder that ~ could stand for") from None


Address = Annotated[str, AfterValidator(_address)]
Name = Annotated[str, AfterValidator(_name)]
Mount = Annotated[str, AfterValidator(_mount)]
Region = Annotated[str, AfterValidator(_region)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class _Source(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class FileSource(_Source):
    """A file that only its owner may read; made on first use."""

    kind: Literal["file"] = "file"
    path: AbsolutePath


class GivenSource(_Source):
    """The key itself, 32 bytes as hex or base64, in the settings or the environment."""

    kind: Literal["given"] = "given"
    key: Secret


class HashicorpSource(_Source):
    """A key of the transit engine of HashiCorp Vault (or OpenBao).

    Attributes:
        address: Of the server or of what stands before it.
        key: The key's name.
        mount: Where the transit engine is.
        namespace: Of Vault Enterprise; empty for the root.
        derived: The key was made with `derived=true`, so that each call needs a context.
        id: What the stored keys say about which global key wrapped them, in place of mount, namespace and key: for a
            second server that has a key of the same name.
        token: A token to sign in with; or `token_file`, or one of the two ways below.
        token_file: See `token`; read again whenever it is needed.
        role_id: Of AppRole, with `secret_id` or `secret_id_file`.
        secret_id: See `role_id`.
        secret_id_file: See `role_id`; read again at each sign-in.
        jwt_role: Of Kubernetes or JWT sign-in; the token is in `jwt_file`.
        jwt_file: See `jwt_role`; read again at each sign-in, since Kubernetes renews it.
        auth_mount: Where the sign-in method is; `approle` or `kubernetes` if empty.
        ca_file: Who signed the server's certificate (PEM), if it is no public authority.
    """

    kind: Literal["hashicorp"] = "hashicorp"
    address: Address
    key: Name
    mount: Mount = "transit"
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_./-]*$")] = ""
    derived: bool = False
    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{0,48}$")] = ""
    token: Secret | None = None
    token_file: AbsolutePath | None = None
    role_id: str | None = None
    secret_id: Secret | None = None
    secret_id_file: AbsolutePath | None = None
    jwt_role: str | None = None
    jwt_file: AbsolutePath = KUBERNETES_TOKEN_FILE
    auth_mount: Mount | None = None
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _one_sign_in(self) -> HashicorpSource:
        ways = [self.token, self.token_file, self.role_id, self.jwt_role]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("give one way to sign in: token, token_file, role_id, or jwt_role")
        if self.secret_id is not None and self.secret_id_file is not None:
            raise ValueError("give secret_id or secret_id_file, not both")
        return self


class KmsSource(_Source):
    """A symmetric key of AWS KMS.

    Attributes:
        key: ARN or id of the key, or ARN or name of an alias (`alias/mover`).
        region: Taken from an ARN, else from AWS_REGION or AWS_DEFAULT_REGION.
        endpoint: Instead of AWS's own: a VPC endpoint, or another program that speaks KMS.
        access_key: With `secret_key` or `secret_key_file`; else the standard variables (AWS_ACCESS_KEY_ID, ...) are read.
        secret_key: See `access_key`.
        secret_key_file: See `access_key`.
        session_token: Of temporary credentials.
        ca_file: Who signed the endpoint's certificate (PEM), if it is no public authority.
    """

    kind: Literal["aws-kms"] = "aws-kms"
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9:/_-]{1,512}$")]
    region: Region | None = None
    endpoint: Address | None = None
    access_key: str | None = None
    secret_key: Secret | None = None
    secret_key_file: AbsolutePath | None = None
    session_token: Secret | None = None
    ca_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _whole_credentials(self) -> KmsSource:
        secrets = [self.secret_key, self.secret_key_file]
        if sum(secret is not None for secret in secrets) != (self.access_key is not None):
            raise ValueError("access_key goes with one of secret_key and secret_key_file")
        return self

    @property
    def region_of_key(self) -> str | None:
        """The region: as given, else that in the key's ARN."""
        found = _KEY_ARN.fullmatch(self.key)
        return self.region or (found[1] if found else None)


class Pkcs11Source(_Source):
    """An AES key in a hardware security module, or in anything else that has a PKCS#11 module.

    Attributes:
        module: The module's library (`/usr/lib/softhsm/libsofthsm2.so`).
        token: The token's label.
        key: The key's label.
        pin: Of the user; or `pin_file`.
        pin_file: See `pin`.
    """

    kind: Literal["pkcs11"] = "pkcs11"
    module: AbsolutePath
    token: Annotated[str, Field(min_length=1, max_length=32)]
    key: Annotated[str, Field(min_length=1, max_length=255)]
    pin: Secret | None = None
    pin_file: AbsolutePath | None = None

    @model_validator(mode="after")
    def _one_pin(self) -> Pkcs11Source:
        if (self.pin is None) == (self.pin_file is None):
            raise ValueError("give pin or pin_file")
        return self


KeySource = Annotated[
    FileSource | GivenSource | HashicorpSource | KmsSource | Pkcs11Source, Field(discriminator="kind")
]


def has_secrets(values: object) -> bool:
    """Tell whether what stands in a settings file names a secret of a source itself, rather than a file with it."""
    match values:
        case dict():
            return not _SECRETS.get(values.get("kind"), _ALL_SECRETS).isdisjoint(values)
        case list():
            return any(has_secrets(value) for value in values)
        case _:
            return False


_SECRETS: dict[object, frozenset[str]] = {
    model.model_fields["kind"].default: frozenset(
        name for name, field in model.model_fields.items() if field.annotation in (Secret, Secret | None)
    )
    for model in (FileSource, GivenSource, HashicorpSource, KmsSource, Pkcs11Source)
}
KINDS = tuple(str(kind) for kind in _SECRETS)
"""What `kind` can be."""
_ALL_SECRETS = frozenset[str]().union(*_SECRETS.values())
