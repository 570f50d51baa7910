"""What the operator of this machine decides, from `MOVER_...` variables and from a file.

The environment wins over the file, `$XDG_CONFIG_HOME/mover/settings.toml` (or the one that `MOVER_SETTINGS_FILE`
names), whose keys are the names below: `MOVER_CA_FILE` is `ca_file` there. Everything wrong in either is an
`InvalidConfiguration` that names the variable or key, and never repeats what was given for a secret.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from mover.errors import InvalidConfiguration
from mover.retention import Retention
from mover.settings import spelling
from mover.settings.addresses import LARGEST_PORT, IPNetwork, ListenAt, PrivateAddresses
from mover.settings.environment import from_environment, over
from mover.settings.file import VENDORS, from_file
from mover.vault.secret import Secret
from mover.vault.sources import KINDS, FileSource, GivenSource, KeySource

_PREFIX = "MOVER_"
_TABLES = frozenset({"global_key_source", "previous_global_keys", "retention"})
_MIB = 1024 * 1024


def _in_home(known: Mapping[str, Any]) -> Secret:
    """Where the database is unless somebody says otherwise; `home` may have been wrong, which is said apart."""
    return Secret("sqlite:///" + quote(str(known.get("home", Path()) / "mover.db")))


_AbsolutePath = Annotated[Path, AfterValidator(spelling.absolute)]


class Settings(BaseModel):
    """The operator's decisions. Sizes in bytes (`64MiB` is understood), times in seconds.

    Attributes:
        home: Where Mover keeps its state; all other folders stand in it unless named apart.
        allow_private_addresses: Which private and loopback addresses connections may go to.
        database_url: Where ledger, vault and all else is kept: `sqlite:///path` or
            `postgresql://user:password@host/database?sslmode=verify-full`; by default SQLite in `home`.
        staff_database_url: Through which pages and API of the staff read: that of a role that can see metadata alone; with
            SQLite it is the same file by default, of which they are let read no more.
        database_connections: To a database server at most, for a process, besides one for each pair that runs.
        proxy: The egress proxy that all traffic goes through, with its password.
        egress_also: What `mover egress allow-list` lists before a connection leads there: services (`box`), `host:port`,
            `*.example.org:443`.
        ca_file: Certificates (PEM) to trust instead of the system's.
        global_key: The vault's global key itself, 32 bytes as hex or base64; instead of `global_key_file`.
        global_key_file: Where the vault's global key lies; made on first use.
        global_key_source: Who holds the vault's global key, if neither of the two: see `vault/sources.py`.
        global_key_previous: The key that `global_key` held before, until `mover keys rotate` has been run.
        previous_global_keys: Other holders of global keys that stored secrets may still need, or will need soon.
        staging_dir: Where encrypted parts lie for a while.
        staging_memory_bytes: Parts beyond this much go to disk.
        staging_disk_bytes: Parts beyond this much wait.
        connect_timeout_s: Longest wait for a connection.
        read_timeout_s: Longest silence of a service.
        answer_timeout_s: Longest wait for the first byte of an answer; it may take long after a large upload.
        temporal_address: Host and port of a Temporal cluster; without it `mover serve` starts one of its own.
        temporal_namespace: What is Mover's own in that cluster.
        temporal_tls: Speak TLS with it; certificates and an API key imply that.
        temporal_ca_file: Certificates (PEM) to trust it by, instead of the system's.
        temporal_server_name: The name in its certificate, where that is not the host's.
        temporal_certificate_file: Certificate (PEM) to sign in there with.
        temporal_key_file: The certificate's private key (PEM).
        temporal_api_key: API key to sign in there with.
        temporal_port: Port of the Temporal that `mover serve` starts; 0: any that is free.
        payload_keys: Keys that what Temporal keeps is encrypted with, separated by commas, the newest first, each 32
            bytes as hex or base64; instead of `keys/payloads.key`, for runners on several machines.
        runner_pairs: Pairs that one runner moves at once.
        runner_silence_s: A runner that is silent for so long is dead, and its pairs go on elsewhere.
        runner_drain_s: How long a runner that was told to end lets pairs come to a good moment to stop.
        runner_versions: Runners announce their build to Temporal, and make it the current one by themselves (`automatic`)
            or leave that to an operator (`by_hand`); or builds are not told apart (`off`).
        runner_build: What their build is called, instead of a name made of Mover's version and a hash of its workflows.
        api_drain_s: An API that was told to end answers for so long still, and says to load balancers that it is leaving.
        web_drain_s: The same of the process of the pages, `mover web`.
        listen: Where the API and the pages are served, `host:port`.
        redirect_listen: Where plain http is redirected to https, such as `0.0.0.0:80`; nowhere without it.
        tls_cert_file: The server's certificate with its chain (PEM), instead of one that Mover makes itself.
        tls_key_file: The private key of `tls_cert_file` (PEM, unencrypted), where it stands apart.
        metrics_port: Port of the loopback address where Prometheus finds the metrics of the API; none without it.
        metrics_tls: Metrics, also those of runners, are shown over TLS, with the server's certificate.
        lock_memory: Services keep their memory, and with it all keys, out of swap where the system lets them (`automatic`),
            do not start where keys could get there (`required`), or do nothing about it (`off`).
        security_contact: Whom who finds a weakness of this installation is to tell: mail addresses, `https://` or `tel:`, the
            preferred one first. Without any there is no `/.well-known/security.txt`.
        log_level: What is logged by the service: `debug`, `info`, `warning` or `error`.
        log_file: The service logs into this file instead of standard error.
        otlp_endpoint: Where traces go (OTLP over HTTP); none without it.
        otlp_names: Put paths and names of files into traces.
        public_url: Where people and programs reach the service; requests for any other host are refused. If it is not
            given it follows from `listen`.
        trusted_proxies: Networks of the proxies whose forwarded headers are believed.
        local_folders: Folders of this machine that the service's users may connect, by the service `local`; none at first.
        smtp_url: The mail server, `smtps://user:password@host` or `smtp://...` with STARTTLS.
        mail_from: Whom mail comes from.
        mail_outbox: A folder that mail is written into instead of being sent.
        google_client_id: As what Mover is registered at Google, for people who connect accounts there with a browser.
        google_client_secret: Its secret.
        microsoft_client_id: Likewise at Microsoft.
        microsoft_client_secret: Its secret; none for a public client.
        box_client_id: Likewise at Box.
        box_client_secret: Its secret.
        dropbox_client_id: Likewise at Dropbox: the app key.
        dropbox_client_secret: The app secret; none for a public client.
        egnyte_client_id: Likewise at Egnyte: the API key.
        egnyte_client_secret: The API secret.
        api_url: Where `mover web` finds the API that it passes on to what it does not answer itself.
        api_ca_file: Certificates (PEM) to trust the API by, instead of `ca_file` or the system's.
        audit_syslog: Where each event of the audit log is copied to: `udp://host[:port]`, `tcp://...`, `tls://...` or
            `unix:///dev/log`.
        audit_webhook: An address that events are posted to, `https://...`.
        audit_webhook_secret: What signs them, `whsec_...`.
        retention: How long what is kept: see `retention.py`.
        account_domains: Mail domains whose accounts may be connected with a browser here; any, if none is named.

    Raises InvalidConfiguration, naming everything that is wrong.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
        arbitrary_types_allowed=True,
    )

    home: _AbsolutePath = Field(default_factory=lambda: platformdirs.user_data_path("mover"))
    database_url: Secret = Field(default_factory=_in_home)
    staff_database_url: Secret | None = None
    database_connections: int = Field(8, ge=2, le=1000)
    allow_private_addresses: Annotated[PrivateAddresses, BeforeValidator(PrivateAddresses.parse)] = (
        PrivateAddresses()
    )
    proxy: Annotated[Secret, AfterValidator(spelling.proxy)] | None = None
    egress_also: Annotated[tuple[str, ...], BeforeValidator(spelling.listed)] = ()
    ca_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    global_key: Secret | None = None
    global_key_file: _AbsolutePath | None = None
    global_key_source: KeySource | None = None
    global_key_previous: Secret | None = None
    previous_global_keys: tuple[KeySource, ...] = ()
    staging_dir: _AbsolutePath | None = None
    staging_memory_bytes: ByteSize = Field(ByteSize(96 * _MIB), ge=_MIB)
    staging_disk_bytes: ByteSize = Field(ByteSize(8192 * _MIB), ge=0)
    connect_timeout_s: float = Field(15, gt=0, le=3600, allow_inf_nan=False)
    read_timeout_s: float = Field(60, gt=0, le=86400, allow_inf_nan=False)
    answer_timeout_s: float = Field(300, gt=0, le=86400, allow_inf_nan=False)
    temporal_address: Annotated[str, AfterValidator(spelling.host_and_port)] | None = None
    temporal_namespace: str = "default"
    temporal_tls: bool = False
    temporal_ca_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    temporal_server_name: str | None = None
    temporal_certificate_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    temporal_key_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    temporal_api_key: Secret | None = None
    temporal_port: int = Field(0, ge=0, le=65535)
    payload_keys: Secret | None = None
    runner_pairs: int = Field(8, ge=1, le=1000)
    runner_silence_s: float = Field(20, ge=2, le=3600, allow_inf_nan=False)
    runner_drain_s: float = Field(30, ge=0, le=3600, allow_inf_nan=False)
    runner_versions: Literal["automatic", "by_hand", "off"] = "automatic"
    runner_build: str | None = Field(None, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
    api_drain_s: float = Field(0, ge=0, le=3600, allow_inf_nan=False)
    web_drain_s: float = Field(0, ge=0, le=3600, allow_inf_nan=False)
    listen: Annotated[ListenAt, BeforeValidator(ListenAt.parse)] = ListenAt("localhost", 8443)
    redirect_listen: Annotated[ListenAt, BeforeValidator(ListenAt.parse)] | None = None
    tls_cert_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    tls_key_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    metrics_port: int | None = Field(None, ge=1, le=LARGEST_PORT)
    metrics_tls: bool = False
    lock_memory: Literal["automatic", "required", "off"] = "automatic"
    security_contact: Annotated[tuple[str, ...], BeforeValidator(spelling.contacts)] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_file: _AbsolutePath | None = None
    otlp_endpoint: Annotated[str, AfterValidator(spelling.web_address)] | None = None
    otlp_names: bool = False
    public_url: Annotated[str, AfterValidator(spelling.public_url)] = Field(
        default_factory=lambda given: spelling.address_of(given["listen"]) if "listen" in given else ""
    )
    trusted_proxies: Annotated[tuple[IPNetwork, ...], BeforeValidator(spelling.trusted_proxies)] = ()
    local_folders: Annotated[tuple[_AbsolutePath, ...], BeforeValidator(spelling.listed)] = ()
    smtp_url: Secret | None = None
    mail_from: str | None = None
    mail_outbox: _AbsolutePath | None = None
    google_client_id: str | None = None
    google_client_secret: Secret | None = None
    microsoft_client_id: str | None = None
    microsoft_client_secret: Secret | None = None
    box_client_id: str | None = None
    box_client_secret: Secret | None = None
    dropbox_client_id: str | None = None
    dropbox_client_secret: Secret | None = None
    egnyte_client_id: str | None = None
    egnyte_client_secret: Secret | None = None
    api_url: Annotated[str, AfterValidator(spelling.public_url)] | None = None
    api_ca_file: Annotated[_AbsolutePath, AfterValidator(spelling.readable_file)] | None = None
    audit_syslog: Annotated[str, AfterValidator(spelling.syslog_address)] | None = None
    audit_webhook: Annotated[str, AfterValidator(spelling.web_address)] | None = None
    audit_webhook_secret: Annotated[Secret, AfterValidator(spelling.webhook_secret)] | None = None
    retention: Retention = Retention()
    account_domains: Annotated[tuple[str, ...], BeforeValidator(spelling.domains)] = ()

    def __init__(self, **values: Any) -> None:
        """Take arguments first, then the environment, then the file."""
        known = type(self).model_fields
        environment = from_environment(os.environ, _PREFIX, known, _TABLES)
        try:
            super().__init__(**over(over(from_file(known), environment), values))
        except ValidationError as error:
            # `from None`: the cause would carry what was given, and so perhaps a secret.
            raise InvalidConfiguration(_what_is_wrong(error)) from None

    @model_validator(mode="after")
    def _one_global_key(self) -> Settings:
        given = [
            _PREFIX + name.upper()
            for name in ("global_key", "global_key_file", "global_key_source")
            if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} are both set; keep one")
        return self

    @model_validator(mode="after")
    def _one_way_for_mail(self) -> Settings:
        if self.smtp_url is not None and self.mail_outbox is not None:
            raise ValueError("MOVER_SMTP_URL and MOVER_MAIL_OUTBOX are both set; keep one")
        return self

    @model_validator(mode="after")
    def _signed_audit_webhook(self) -> Settings:
        if (self.audit_webhook is None) != (self.audit_webhook_secret is None):
            raise ValueError(
                "MOVER_AUDIT_WEBHOOK and MOVER_AUDIT_WEBHOOK_SECRET belong together; set both or none"
            )
        return self

    @model_validator(mode="after")
    def _secret_of_an_app(self) -> Settings:
        for vendor in VENDORS:
            if getattr(self, f"{vendor}_client_secret") is not None and not getattr(
                self, f"{vendor}_client_id"
            ):
                name = f"{_PREFIX}{vendor.upper()}"
                raise ValueError(
                    f"{name}_CLIENT_SECRET is the secret of an app; set {name}_CLIENT_ID as well"
                )
        return self

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Settings:
        if (self.temporal_certificate_file is None) != (self.temporal_key_file is None):
            raise ValueError(
                "MOVER_TEMPORAL_CERTIFICATE_FILE and MOVER_TEMPORAL_KEY_FILE belong together; set both or none"
            )
        return self

    @model_validator(mode="after")
    def _key_with_certificate(self) -> Settings:
        if self.tls_key_file is not None and self.tls_cert_file is None:
            raise ValueError(
                "MOVER_TLS_KEY_FILE is the key of a certificate; set MOVER_TLS_CERT_FILE as well"
            )
        return self

    @property
    def staging_path(self) -> Path:
        """Where encrypted parts lie for a while."""
        return self.staging_dir or self.home / "staging"

    @property
    def tls_path(self) -> Path:
        """The folder of the certificates that Mover makes itself."""
        return self.home / "tls"

    @property
    def keys_path(self) -> Path:
        """The folder of the keys that Mover makes itself."""
        return self.home / "keys"

    @property
    def global_key_path(self) -> Path:
        """Where the vault's global key lies, unless another setting says who holds it."""
        return self.global_key_file or self.keys_path / "global.key"

    @property
    def preferred_global_key(self) -> KeySource:
        """Who holds the global key that new secrets are to be under."""
        if self.global_key_source is not None:
            return self.global_key_source
        if self.global_key is not None:
            return GivenSource(key=self.global_key)
        return FileSource(path=self.global_key_path)

    @property
    def earlier_global_keys(self) -> tuple[KeySource, ...]:
        """Who holds other global keys that may be needed."""
        if self.global_key_previous is None:
            return self.previous_global_keys
        return (GivenSource(key=self.global_key_previous), *self.previous_global_keys)


def _what_is_wrong(error: ValidationError) -> str:
    problems: list[str] = []
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        if detail["type"] == "default_factory_not_called":
            continue  # what it follows from is wrong, and named already
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "union_tag_invalid":  # its own words repeat what was given
            message = f"kind is one of {', '.join(KINDS)}"
        where = ""
        if detail["loc"]:
            first, *inner = map(str, detail["loc"])
            where = _PREFIX + first.upper() + (f" ({'.'.join(inner)})" if inner else "") + ": "
        problems.append(where + message[:1].lower() + message[1:] if where else message)
    return "; ".join(problems)
