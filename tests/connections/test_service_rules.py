from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mover.connections.service_rules import ServiceRules
from mover.connectors.registry import connector_type, service_names
from mover.errors import InvalidConfiguration
from mover.vault.secret import Secret

_NOTHING_LOCAL = ServiceRules()
_PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"  # pragma: allowlist secret


def _check(service: str, rules: ServiceRules = _NOTHING_LOCAL, **values: Any) -> None:
    rules.check(connector_type(service), values)


def test_every_path_in_every_configuration_is_covered() -> None:
    """Whoever adds a connector need not think of it: a field of the type Path is enough."""
    covered = 0
    for service in service_names():
        kind = connector_type(service)
        for name, field in kind.config.model_fields.items():
            if "Path" in str(field.annotation) and service != "local":
                with pytest.raises(InvalidConfiguration, match=f"{name!r}"):
                    _NOTHING_LOCAL.check(kind, {name: "/etc/passwd"})
                assert name not in [key.name for key in _NOTHING_LOCAL.keys(kind)]
                covered += 1
    assert covered >= 12


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "~/.ssh/id_ed25519", "relative", "/etc/-----BEGIN", "\0", " /etc/passwd"]
)
def test_a_private_key_is_no_file(path: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        _check("sftp", private_key=Secret(path))

    assert path not in str(raised.value)


def test_a_private_key_may_be_pasted() -> None:
    _check("sftp", private_key=Secret(_PEM), host="files.example.org")
    _check("sftp", private_key=Secret("\n" + _PEM))


@pytest.mark.parametrize("path", ["/etc/passwd", "key.json", "\0", " /etc/{", "[1]"])
def test_a_key_in_json_is_no_file(path: str) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        _check("google-admin", service_account=Secret(path))

    assert path not in str(raised.value)


def test_a_key_in_json_may_be_pasted() -> None:
    _check("google-admin", service_account=Secret('\n {"type": "service_account"}'), admin="a@example.org")
    assert "service_account" in [key.name for key in _NOTHING_LOCAL.keys(connector_type("google-admin"))]


@pytest.mark.parametrize("value", ["true", "True", "1", "yes", "on", "t", "TRUE ", True, "nonsense"])
def test_the_agent_is_the_operators(value: object) -> None:
    with pytest.raises(InvalidConfiguration, match="agent"):
        _check("sftp", agent=value)


@pytest.mark.parametrize("value", ["false", False, "0", "no", "", None])
def test_not_using_the_agent_may_be_said(value: object) -> None:
    _check("sftp", agent=value)


def test_the_machines_own_folders_are_not_offered() -> None:
    assert not _NOTHING_LOCAL.offers("local")
    with pytest.raises(InvalidConfiguration, match="MOVER_LOCAL_FOLDERS"):
        _check("local", path="/srv")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared" / "inner").mkdir(parents=True)
    (tmp_path / "shared-too").mkdir()
    (tmp_path / "shared" / "out").symlink_to("/etc")
    (tmp_path / "shared" / "loop").symlink_to(tmp_path / "shared" / "loop")
    (tmp_path / "way-in").symlink_to(tmp_path / "shared" / "inner")
    return tmp_path / "shared"


@pytest.mark.parametrize("inside", ["", "/", "/inner", "/inner/../inner", "/not-there-yet", "/../way-in"])
def test_folders_that_the_operator_allows_may_be_connected(shared: Path, inside: str) -> None:
    _check("local", ServiceRules((shared,)), path=f"{shared}{inside}")


@pytest.mark.parametrize(
    "outside", ["/..", "-too", "/out", "/out/ssh", "/loop", "/inner/../../shared-too", "\0"]
)
def test_what_is_beside_them_may_not(shared: Path, outside: str) -> None:
    with pytest.raises(InvalidConfiguration, match="'path' is not in one of the folders"):
        _check("local", ServiceRules((shared,)), path=f"{shared}{outside}")


@pytest.mark.parametrize(
    "values", [{}, {"path": ""}, {"path": "~"}, {"path": "shared"}, {"path": None}, {"path": 1}], ids=str
)
def test_a_folder_has_to_be_named(shared: Path, values: Mapping[str, Any]) -> None:
    with pytest.raises(InvalidConfiguration):
        _check("local", ServiceRules((shared,)), **values)


def test_an_allowed_folder_may_itself_be_a_link(tmp_path: Path, shared: Path) -> None:
    _check("local", ServiceRules((tmp_path / "way-in",)), path=str(shared / "inner"))
