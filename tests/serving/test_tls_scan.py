"""sslyze against the running API with its pages and metrics, and a certificate that changes under load."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.certificates import Authority, make_authority
from tests.servers.processes import free_port
from tests.servers.service import MoverApi, mover_api, prepare_home

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.promise("tls", "P8")]

SSLYZE = Path(__file__).parents[2] / ".tools" / "sslyze"
# What the server offers above Mozilla's list: curves stronger than any on it, which Python's ssl cannot switch off.
STRONGER_CURVES = ["X448", "secp521r1"]
PATIENCE_S = 60


@dataclass
class Secured:
    """`mover api` with the operator's certificate, and metrics over TLS."""

    api: MoverApi
    metrics_port: int
    authority: Authority
    certificate: Path
    key: Path
    trust: ssl.SSLContext = field(init=False)

    def __post_init__(self) -> None:
        self.trust = ssl.create_default_context(cafile=self.authority.ca_file)

    def serial(self, port: int | None = None) -> int:
        """Of the certificate that a new connection gets."""
        with (
            socket.create_connection(("localhost", port or self.api.port), timeout=30) as plain,
            self.trust.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return int(str((secured.getpeercert() or {})["serialNumber"]), 16)

    def replace(self, certificate: Path, key: Path) -> int:
        """Put another certificate in place, as a renewal would, and return its serial number."""
        for new, place in ((key, self.key), (certificate, self.certificate)):
            shutil.copy(new, place.with_suffix(".new"))
            place.with_suffix(".new").replace(place)
        self.key.chmod(0o600)
        self.api.process.send_signal(signal.SIGHUP)
        return x509.load_pem_x509_certificate(certificate.read_bytes()).serial_number


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls-scan")
    prepared = _prepared(folder / "home")
    authority = make_authority(folder / "authority")
    (prepared.home / "tls").mkdir(mode=0o700, exist_ok=True)
    shutil.copy(authority.ca_file, prepared.home / "tls" / "ca.pem")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    issued = authority.issue("localhost", "127.0.0.1")
    shutil.copy(issued[0], certificate)
    shutil.copy(issued[1], key)
    metrics_port = free_port()
    environment = {
        "MOVER_TLS_CERT_FILE": str(certificate),
        "MOVER_TLS_KEY_FILE": str(key),
        "MOVER_METRICS_PORT": str(metrics_port),
        "MOVER_METRICS_TLS": "true",
    }
    with mover_api(folder, prepared, environment=environment) as api:
        yield Secured(api, metrics_port, authority, certificate, key)


def _prepared(home: Path) -> Any:
    import asyncio  # noqa: PLC0415 - no test of this module runs a loop, this fixture alone needs one

    return asyncio.run(prepare_home(home))


def scan(secured: Secured, folder: Path, *how: str) -> tuple[str, list[dict[str, Any]]]:
    """Scan API and metrics; what it says, and the whole result of each."""
    command = [str(SSLYZE / "bin" / "python"), "-m", "sslyze"]
    files = ["--certinfo_ca_file", str(secured.authority.ca_file), "--json_out", str(folder / "found.json")]
    targets = [f"localhost:{secured.api.port}", f"localhost:{secured.metrics_port}"]
    said = subprocess.run(
        [*command, *files, *how, *targets], capture_output=True, text=True, timeout=200, check=False
    )
    assert said.stdout, said.stderr
    found = json.loads((folder / "found.json").read_text())["server_scan_results"]
    assert [server["scan_status"] for server in found] == ["COMPLETED", "COMPLETED"]
    return said.stdout, found


def profile(folder: Path) -> Path:
    """Mozilla's intermediate profile, as sslyze brings it, with the curves that are stronger than its own."""
    (profiles,) = (SSLYZE / "lib").glob("python3*/site-packages/sslyze/mozilla_tls_profile/*.json")
    wanted = json.loads(profiles.read_text())["configurations"]["intermediate"]
    wanted["tls_curves"] += STRONGER_CURVES
    (folder / "profile.json").write_text(json.dumps(wanted))
    return folder / "profile.json"


def results(server: dict[str, Any]) -> dict[str, Any]:
    return {name: one["result"] for name, one in server["scan_result"].items()}


def assert_trusted(result: dict[str, Any]) -> None:
    (deployed,) = result["certificate_info"]["certificate_deployments"]
    assert any(path["was_validation_successful"] for path in deployed["path_validation_results"])
    assert deployed["received_chain_has_valid_order"] is True


def assert_accepted(result: dict[str, Any], version: str, prefix: str) -> None:
    accepted = result[f"{version}_cipher_suites"]["accepted_cipher_suites"]
    names = [each["cipher_suite"]["name"] for each in accepted]
    assert len(names) >= 3
    assert all(name.startswith(prefix) and ("GCM" in name or "CHACHA20" in name) for name in names)


def issue_rsa(authority: Authority, bits: int = 2048) -> tuple[Path, Path]:
    """The authority's certificate for the same names with an RSA key."""
    pattern, old_key = authority.issue("localhost", "127.0.0.1")
    like = x509.load_pem_x509_certificate(pattern.read_bytes())
    key = rsa.generate_private_key(65537, bits)
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
    )
    for extension in like.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    pattern.write_bytes(builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    old_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return pattern, old_key


def test_nothing_weak_is_found_on_pages_api_and_metrics(secured, tmp_path):
    said, found = scan(
        secured, tmp_path, "--custom_tls_config", str(profile(tmp_path)), "--http_headers", "--certinfo"
    )
    compliance = said.partition("COMPLIANCE AGAINST")[2]
    assert compliance.count("OK - Compliant") == 2, compliance
    for server in found:
        result = results(server)
        for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1"):
            assert result[f"{old}_cipher_suites"]["is_tls_version_supported"] is False
        assert_accepted(result, "tls_1_2", "TLS_ECDHE_ECDSA_")
        assert_accepted(result, "tls_1_3", "TLS_")
        assert_trusted(result)
        assert result["heartbleed"]["is_vulnerable_to_heartbleed"] is False
        assert result["robot"]["robot_result"].startswith("NOT_VULNERABLE")
        assert result["session_renegotiation"]["is_vulnerable_to_client_renegotiation_dos"] is False
        assert result["tls_compression"]["supports_compression"] is False
        if server["server_location"]["port"] == secured.api.port:
            sts = result["http_headers"]["strict_transport_security_header"]
            assert (sts["max_age"], sts["include_subdomains"]) == (63_072_000, True)


def test_a_certificate_that_changes_under_load_costs_no_connection_and_no_request(secured, tmp_path):
    load = Load(secured)
    with load.running():
        for number in range(4):
            issued = issue_rsa(secured.authority) if number == 3 else secured.authority.issue("localhost")
            serial = secured.replace(*issued)
            seen = load.requests
            wait_for(lambda serial=serial: secured.serial() == serial)  # type: ignore[misc]
            wait_for(lambda seen=seen: load.requests > seen + 100)  # type: ignore[misc]
            assert secured.serial(secured.metrics_port) == serial
    assert load.failures == []
    assert load.connections == load.keepers  # each of those that stay open was opened once
    assert load.comers > 0
    _, found = scan(secured, tmp_path, "--mozilla_config", "disable", "--certinfo", "--tlsv1_2", "--robot")
    for server in found:
        result = results(server)
        assert_trusted(result)  # of an RSA key now, of 2048 bits
        assert_accepted(result, "tls_1_2", "TLS_ECDHE_RSA_")
        assert result["robot"]["robot_result"].startswith("NOT_VULNERABLE")


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Load:
    """Clients that keep one connection, and others that come anew for each request."""

    keepers = 4

    def __init__(self, secured: Secured) -> None:
        self._secured = secured
        self._end = threading.Event()
        self.failures: list[str] = []
        self.requests = 0
        self.connections = 0
        self.comers = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        works = [self._keep] * self.keepers + [self._come] * 2
        threads = [threading.Thread(target=self._watched, args=(work,), daemon=True) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join(PATIENCE_S)

    def _watched(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.failures.append(repr(error))

    def _connection(self) -> http.client.HTTPSConnection:
        api = self._secured.api
        return http.client.HTTPSConnection("localhost", api.port, timeout=30, context=self._secured.trust)

    def _ask(self, connection: http.client.HTTPSConnection) -> None:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"ok\n")
        self.requests += 1

    def _keep(self) -> None:
        with contextlib.closing(self._connection()) as connection:
            connection.connect()
            self.connections += 1
            held = connection.sock
            while not self._end.is_set():
                self._ask(connection)
                assert connection.sock is held, "the connection was dropped"

    def _come(self) -> None:
        while not self._end.is_set():
            with contextlib.closing(self._connection()) as connection:
                self._ask(connection)
                self.comers += 1
