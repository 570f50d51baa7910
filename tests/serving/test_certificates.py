from __future__ import annotations

import datetime as dt
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509

from mover.errors import InvalidConfiguration
from mover.serving.certificates import (
    AUTHORITY_LIFE,
    RENEWED_BEFORE,
    SERVER_LIFE,
    names_of_this_server,
    own_certificate,
)

pytestmark = pytest.mark.promise("tls")

NAMES = ("localhost", "127.0.0.1", "::1", "mover.example.org")
NOW = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


def at(moment: dt.datetime):
    return lambda: moment


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_first_start_makes_an_authority_and_a_certificate_for_all_names(tmp_path):
    made = own_certificate(tmp_path / "tls", NAMES, now=at(NOW))
    found = read(made.server_file)
    signed_for = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert made.made
    assert {str(name.value) for name in signed_for} == set(NAMES)
    assert found.not_valid_after_utc == NOW + SERVER_LIFE
    assert len(made.fingerprint) == 32 * 3 - 1


def test_keys_are_for_their_owner_alone(tmp_path):
    made = own_certificate(tmp_path / "tls", NAMES)
    keys = [made.server_file, made.ca_file.with_name("ca-key.pem")]
    assert [stat.S_IMODE(path.stat().st_mode) for path in keys] == [0o600, 0o600]
    assert stat.S_IMODE(made.server_file.parent.stat().st_mode) == 0o700


def test_later_starts_change_nothing(tmp_path):
    first = own_certificate(tmp_path, NAMES, now=at(NOW))
    content = first.server_file.read_bytes()
    again = own_certificate(
        tmp_path, NAMES, now=at(NOW + SERVER_LIFE - RENEWED_BEFORE - dt.timedelta(hours=1))
    )
    assert (again.made, again.fingerprint, again.server_file.read_bytes()) == (
        False,
        first.fingerprint,
        content,
    )


def test_it_is_renewed_before_its_end_by_the_same_authority(tmp_path):
    first = own_certificate(tmp_path, NAMES, now=at(NOW))
    later = NOW + SERVER_LIFE - RENEWED_BEFORE
    renewed = own_certificate(tmp_path, NAMES, now=at(later))
    assert (renewed.made, renewed.fingerprint) == (False, first.fingerprint)
    assert read(renewed.server_file).not_valid_after_utc == later + SERVER_LIFE


def test_fewer_names_need_a_new_certificate_and_more_names_a_new_authority(tmp_path):
    first = own_certificate(tmp_path, NAMES)
    fewer = own_certificate(tmp_path, NAMES[:2])
    assert (fewer.made, fewer.fingerprint) == (False, first.fingerprint)
    signed_for = read(fewer.server_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in signed_for} == set(NAMES[:2])
    more = own_certificate(tmp_path, (*NAMES, "another.example.org"))
    assert more.made
    assert more.fingerprint != first.fingerprint


def test_an_authority_near_its_end_is_made_anew(tmp_path):
    first = own_certificate(tmp_path, NAMES, now=at(NOW))
    later = own_certificate(
        tmp_path, NAMES, now=at(NOW + AUTHORITY_LIFE - SERVER_LIFE + dt.timedelta(days=1))
    )
    assert later.made
    assert later.fingerprint != first.fingerprint


@pytest.mark.parametrize("name", ["ca.pem", "ca-key.pem", "server.pem"])
def test_rubbish_in_the_place_of_a_file_is_replaced(tmp_path, name):
    own_certificate(tmp_path, NAMES)
    (tmp_path / name).write_bytes(b"rubbish")
    made = own_certificate(tmp_path, NAMES)
    read(made.server_file).verify_directly_issued_by(read(made.ca_file))


def test_the_authority_may_sign_for_no_other_name(tmp_path):
    made = own_certificate(tmp_path, NAMES)
    constraints = read(made.ca_file).extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    permitted = {str(one.value) for one in constraints.value.permitted_subtrees or ()}
    assert permitted == {"localhost", "mover.example.org", "127.0.0.1/32", "::1/128"}


def test_several_processes_at_once_make_one_authority(tmp_path):
    code = (
        "import sys; from pathlib import Path; from mover.serving.certificates import own_certificate;"
        "print(own_certificate(Path(sys.argv[1]), ('localhost',)).fingerprint)"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "tls")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    assert len({process.communicate(timeout=60)[0] for process in started}) == 1


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidConfiguration, match="file"):
        own_certificate(tmp_path / "file" / "tls", NAMES)


def test_names_that_could_not_stand_in_a_certificate_are_left_out():
    names = names_of_this_server(("Mover.Example.ORG.", "", "no name", "überall.example", "10.0.0.1"))
    assert {"localhost", "127.0.0.1", "::1", "mover.example.org", "10.0.0.1"} <= set(names)
    assert not any(" " in name or not name for name in names)


def test_a_machine_that_is_called_otherwise_needs_no_new_authority(tmp_path):
    first = own_certificate(tmp_path, NAMES, wished=("container-1",))
    again = own_certificate(tmp_path, NAMES, wished=("container-2",))
    assert (again.made, again.fingerprint) == (False, first.fingerprint)
    signed_for = read(again.server_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in signed_for} == set(NAMES)
    back = own_certificate(tmp_path, NAMES, wished=("container-1",))
    signed_for = read(back.server_file).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in signed_for} == {*NAMES, "container-1"}
