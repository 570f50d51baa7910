"""What a person fills in to connect to S3 or to a service that speaks like it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import field_validator, model_validator

from mover.connectors.configuration import ConnectorConfig, setting
from mover.connectors.s3.addresses import Endpoint, is_region
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

_LONGEST_BUCKET = 255  # Amazon's old limit; today it is 63


class S3Config(ConnectorConfig):
    """Configuration of an S3 connection."""

    endpoint: str | None = setting(
        None, help="Address of the service, https://host[:port]; Amazon's if left out", ask=True
    )
    bucket: str | None = setting(
        None, help="Bucket; without it the top folders are the buckets of the account", ask=True
    )
    access_key: str = setting(help="Access key id", min_length=1, max_length=256, pattern=r"^[!-.0-~]+$")
    secret_key: Secret = setting(help="Secret access key")
    session_token: Secret | None = setting(None, help="Session token that belongs to a temporary access key")
    region: str | None = setting(None, help="Region; found out if left out")
    path_style: bool | Literal["auto"] = setting(
        "auto", help="Bucket in the path (true) or in the host name (false); auto: by the endpoint"
    )
    ca_file: Path | None = setting(None, help="Certificates (PEM) to trust instead of the system's")
    client_certificate: Path | None = setting(None, help="Certificate (PEM) to show to the service")
    client_key: Path | None = setting(None, help="Key of the client certificate (PEM)")
    plain: bool = setting(False, help="Allow http:// endpoints: everybody on the way can read along")
    storage_class: str | None = setting(
        None, help="Storage class of new objects, e.g. STANDARD_IA", pattern=r"^[A-Z0-9_]{1,64}$"
    )
    server_side_encryption: Literal["AES256", "aws:kms", "aws:kms:dsse"] | None = setting(
        None, help="Encryption that the service applies to new objects: AES256, aws:kms or aws:kms:dsse"
    )

    @field_validator("bucket")
    @classmethod
    def _bucket_is_a_name(cls, bucket: str | None) -> str | None:
        if bucket is not None and (
            not bucket or "/" in bucket or len(bucket) > _LONGEST_BUCKET or not bucket.isprintable()
        ):
            raise ValueError("must be the name of a bucket, without slashes")
        if bucket in {".", ".."}:
            raise ValueError("must be the name of a bucket")
        return bucket

    @field_validator("region")
    @classmethod
    def _region_is_a_name(cls, region: str | None) -> str | None:
        if region is not None and not is_region(region):
            raise ValueError("must be a region such as eu-central-1")
        return region

    @model_validator(mode="after")
    def _endpoint_is_usable(self) -> Self:
        try:
            endpoint = self.address()
        except InvalidConfiguration as error:
            raise ValueError(error.message) from error
        if endpoint.scheme == "http" and not self.plain:
            raise ValueError("an http:// endpoint is not encrypted; if you insist, add plain=true")
        return self

    def address(self) -> Endpoint:
        """The endpoint, read. Raises InvalidConfiguration."""
        return Endpoint.parse(
            self.endpoint, path_style=None if self.path_style == "auto" else self.path_style
        )
