"""WebDAV servers: Apache mod_dav and WsgiDAV."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Certificates, make_certificates
from tests.servers.jail import INSIDE, jailed, prepare
from tests.servers.processes import LOOPBACK, accepts_connections, free_port, running, tool

USERNAME = "alice"
PASSWORD = "s3cret pass: 'ä'"
_MODULES = Path("/usr/lib/apache2/modules")
_MODULE_NAMES = (
    "mpm_event",
    "authn_core",
    "authn_file",
    "authz_core",
    "authz_user",
    "auth_basic",
    "auth_digest",
    "alias",
    "mime",
    "setenvif",
    "dav",
    "dav_fs",
    "socache_shmcb",
    "ssl",
)


@dataclass(frozen=True, kw_only=True)
class WebdavServer:
    """A running WebDAV server.

    Attributes:
        url: With basic sign-in (WsgiDAV: basic and digest), over TLS.
        digest_url: The same files with digest sign-in only.
        plain_url: The same as `url` without TLS; None where there is none.
        root: The files on disk.
        certificates: The authority that signed the server, and a client certificate of it.
        log: What the server prints.
    """

    host: str
    port: int
    url: str
    digest_url: str
    plain_url: str | None
    username: str
    password: str
    root: Path
    certificates: Certificates
    log: Path

    @property
    def ca_file(self) -> Path:
        """The authority's certificate."""
        return self.certificates.ca_file


@contextlib.contextmanager
def apache(
    folder: Path, *, port: int | None = None, client_certificates: bool = False
) -> Iterator[WebdavServer]:
    """Run Apache httpd with mod_dav; needs root. `/dav` takes basic sign-in, `/digest` digest.

    Args:
        folder: Throwaway folder for all that it needs; used again it has the same files.
        port: To listen on with TLS; by default any free one.
        client_certificates: TLS clients must show a certificate of the throwaway authority.
    """
    port, plain_port = port or free_port(), free_port()
    prepare(folder)
    certificates = make_certificates(folder / "tls")
    root = folder / "files"
    for own in (root, folder / "var", folder / "empty"):
        own.mkdir(exist_ok=True)
    basic = [tool("htpasswd"), "-i", "-c", "-B", "-C", "4", str(folder / "basic"), USERNAME]
    subprocess.run(basic, input=PASSWORD.encode(), check=True, capture_output=True)
    digest = hashlib.md5(f"{USERNAME}:dav:{PASSWORD}".encode(), usedforsecurity=False).hexdigest()
    (folder / "digest").write_text(f"{USERNAME}:dav:{digest}\n")
    for readable in (root, folder / "var", folder / "basic", folder / "digest"):
        shutil.chown(readable, "www-data", "www-data")
    (folder / "httpd.conf").write_text(_apache_configuration(port, plain_port, client_certificates))
    command = jailed(folder, [tool("apache2"), "-f", INSIDE / "httpd.conf", "-DFOREGROUND"])
    log = folder / "log"
    with running(command, log=log, ready=lambda: accepts_connections(port), end_with=signal.SIGKILL):
        yield WebdavServer(
            host=LOOPBACK,
            port=port,
            url=f"https://{LOOPBACK}:{port}/dav/",
            digest_url=f"https://{LOOPBACK}:{port}/digest/",
            plain_url=f"http://{LOOPBACK}:{plain_port}/dav/",
            username=USERNAME,
            password=PASSWORD,
            root=root,
            certificates=certificates,
            log=log,
        )


@contextlib.contextmanager
def wsgidav(folder: Path, *, port: int | None = None) -> Iterator[WebdavServer]:
    """Run WsgiDAV on cheroot over TLS: basic and digest on one URL, locks and properties in memory."""
    port = port or free_port()
    certificates = make_certificates(folder / "tls")
    root = folder / "files"
    root.mkdir(exist_ok=True)
    configuration = {
        "host": LOOPBACK,
        "port": port,
        "server": "cheroot",
        "ssl_adapter": "builtin",
        "ssl_certificate": str(certificates.certificate),
        "ssl_private_key": str(certificates.key),
        "provider_mapping": {"/": str(root)},
        "http_authenticator": {"accept_basic": True, "accept_digest": True, "default_to_digest": False},
        "simple_dc": {"user_mapping": {"*": {USERNAME: {"password": PASSWORD}}}},
        "property_manager": True,
        "mutable_live_props": ["{DAV:}getlastmodified"],
        "lock_storage": True,
        "hotfixes": {"re_encode_path_info": True},
        "fs_dav_provider": {"shadow_map": {}, "follow_symlinks": False},
        "verbose": 1,
    }
    (folder / "wsgidav.json").write_text(json.dumps(configuration))
    log = folder / "log"
    command = [tool("wsgidav"), "--config", str(folder / "wsgidav.json")]
    with running(command, log=log, ready=lambda: accepts_connections(port)):
        url = f"https://{LOOPBACK}:{port}/"
        yield WebdavServer(
            host=LOOPBACK,
            port=port,
            url=url,
            digest_url=url,
            plain_url=None,
            username=USERNAME,
            password=PASSWORD,
            root=root,
            certificates=certificates,
            log=log,
        )


def _apache_configuration(port: int, plain_port: int, client_certificates: bool) -> str:  # noqa: FBT001 - one caller
    modules = "\n".join(f"LoadModule {name}_module {_MODULES}/mod_{name}.so" for name in _MODULE_NAMES)
    verify = (
        f"SSLVerifyClient require\n  SSLCACertificateFile {INSIDE}/tls/ca.pem" if client_certificates else ""
    )
    return f"""
{modules}
ServerRoot {INSIDE}
ServerName localhost
PidFile /run/httpd.pid
DefaultRuntimeDir {INSIDE}/var
Listen {LOOPBACK}:{port}
Listen {LOOPBACK}:{plain_port}
TypesConfig /etc/mime.types
User www-data
Group www-data
Mutex file:{INSIDE}/var default
DocumentRoot {INSIDE}/empty
ErrorLog {INSIDE}/log.errors
LogFormat "%u \\"%r\\" %>s %b" short
CustomLog {INSIDE}/log.requests short
LimitRequestBody 0
LimitXMLRequestBody 0
EnableMMAP off
DavLockDB {INSIDE}/var/locks
AllowEncodedSlashes NoDecode
Timeout 600
KeepAlive on
MaxKeepAliveRequests 0
StartServers 2
ThreadsPerChild 25
MaxRequestWorkers 100
SSLSessionCache shmcb:{INSIDE}/var/ssl(512000)
Alias /dav {INSIDE}/files
Alias /digest {INSIDE}/files
<Directory />
  AllowOverride None
</Directory>
<Location /dav>
  Dav On
  AuthType Basic
  AuthName dav
  AuthBasicProvider file
  AuthUserFile {INSIDE}/basic
  Require valid-user
</Location>
<Location /digest>
  Dav On
  AuthType Digest
  AuthName dav
  AuthDigestProvider file
  AuthDigestDomain /digest/
  AuthUserFile {INSIDE}/digest
  Require valid-user
</Location>
<VirtualHost {LOOPBACK}:{port}>
  SSLEngine on
  SSLCertificateFile {INSIDE}/tls/server.pem
  SSLCertificateKeyFile {INSIDE}/tls/server-key.pem
  {verify}
</VirtualHost>
"""
