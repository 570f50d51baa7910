"""An exported log proves itself, without a database."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some
from tests.audit.log import A, B, Made

from mover.audit.reading import NotAnAuditLog, copies_of_file, lines, parts, parts_of_file
from mover.audit.verifying import Report, verify

pytestmark = [pytest.mark.slow, pytest.mark.promise("audit")]
examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def exported(made: Made, organisation_id: str | None = None) -> bytes:
    found: list[bytes] = []

    def read(connection: Any) -> None:
        found.append(b"".join(lines(parts(connection, organisation_id))))

    made.spoilt(read)
    return found[0]


def verified(content: bytes, key: bytes) -> Report:
    return verify(parts_of_file(io.BytesIO(content)), key)


def broken(content: bytes, key: bytes) -> bool:
    try:
        return not verified(content, key).intact
    except NotAnAuditLog:
        return True


@pytest.mark.parametrize(("organisation_id", "chains"), [(None, 4), (A, 1), (B, 1)])
def test_a_file_is_intact(made_for_files: Made, organisation_id: str | None, chains: int) -> None:
    report = verified(exported(made_for_files, organisation_id), made_for_files.key)

    assert (report.problems, report.chains) == ([], chains)


@given(data=some.data())
@examples
def test_any_byte_that_is_changed_is_found(made_for_files: Made, data: some.DataObject) -> None:
    content = bytearray(exported(made_for_files, data.draw(some.sampled_from([None, A]))))
    at = data.draw(some.integers(0, len(content) - 1))
    value = data.draw(some.integers(0, 255))
    assume(value != content[at])
    content[at] = value

    assert broken(bytes(content), made_for_files.key)


@given(data=some.data())
@examples
def test_lines_that_are_removed_moved_doubled_or_cut_off_are_found(
    made_for_files: Made, data: some.DataObject
) -> None:
    content = exported(made_for_files, data.draw(some.sampled_from([None, A, B]))).splitlines(keepends=True)
    before = list(content)
    one = data.draw(some.integers(1, len(content) - 1))
    other = data.draw(some.integers(1, len(content) - 1))
    match data.draw(some.sampled_from(["remove", "swap", "double", "cut"])):
        case "remove":
            del content[one]
        case "swap":
            content[one], content[other] = content[other], content[one]
        case "double":
            content.insert(other, content[one])
        case "cut":
            content = content[:one]
    assume(content != before)

    assert broken(b"".join(content), made_for_files.key)


@given(data=some.data())
@examples
def test_a_file_that_ends_in_the_middle_of_a_line_is_found(
    made_for_files: Made, data: some.DataObject
) -> None:
    content = exported(made_for_files)

    assert broken(content[: data.draw(some.integers(0, len(content) - 1))], made_for_files.key)


def test_the_chain_of_another_organisation_is_none_of_this_one(made_for_files: Made) -> None:
    mine, theirs = (exported(made_for_files, chain).splitlines(keepends=True) for chain in (A, B))

    assert not verified(b"".join([mine[0], *theirs[1:]]), made_for_files.key).intact
    assert not verified(b"".join([*mine, *theirs[1:]]), made_for_files.key).intact


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"{}", b'{"mover":"reconciliation"}\n', b"\xff" * 99, b"[" * 9999]
)
def test_what_is_no_log_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NotAnAuditLog):
        list(parts_of_file(io.BytesIO(content)))


def test_copies_are_found_in_whatever_a_syslog_server_wrote() -> None:
    copy = b'{"organisation_id":"a","number":7,"hash":"ff","position":9}'
    written = b"Nov 26 10:00:00 host mover[1]: " + copy + b"\nsomething else\n{broken\n" + copy + b"\n"

    assert [one.number for one in copies_of_file(io.BytesIO(written))] == [7, 7]
    with pytest.raises(NotAnAuditLog):
        list(copies_of_file(io.BytesIO(b"nothing\n")))
