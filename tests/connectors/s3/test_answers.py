from __future__ import annotations

import pytest

from mover import errors
from mover.connectors.s3.faults import Fault
from mover.connectors.s3.xml import read_document
from mover.errors import MoverError, ProtocolViolation


def fault(status: int, body: bytes = b"", **headers: str) -> MoverError:
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault.read(status, spelled, body).error(
        service="s3", operation="upload", path="/a", now=lambda: 0.0
    )


def error_body(code: str, message: str = "said") -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "NoSuchKey", errors.NotFound),
        (404, "NoSuchBucket", errors.NotFound),
        (404, "NoSuchUpload", errors.NotFound),
        (403, "AccessDenied", errors.PermissionDenied),
        (403, "InvalidAccessKeyId", errors.SignInFailed),
        (403, "SignatureDoesNotMatch", errors.SignInFailed),
        (400, "ExpiredToken", errors.SignInFailed),
        (503, "SlowDown", errors.Throttled),
        (503, "", errors.Throttled),
        (429, "", errors.Throttled),
        (500, "InternalError", errors.ServiceFault),
        (200, "InternalError", errors.ServiceFault),
        (400, "BadDigest", errors.IntegrityError),
        (400, "XAmzContentSHA256Mismatch", errors.IntegrityError),
        (400, "IncompleteBody", errors.IntegrityError),
        (400, "EntityTooLarge", errors.TooLarge),
        (412, "PreconditionFailed", errors.Conflict),
        (403, "InvalidObjectState", errors.Unsupported),
        (403, "QuotaExceeded", errors.QuotaExceeded),
        (507, "XMinioStorageFull", errors.QuotaExceeded),
        (400, "KeyTooLongError", errors.PathTooLong),
        (400, "InvalidBucketName", errors.NameRejected),
        (400, "RequestTimeout", errors.TimedOut),
        (409, "OperationAborted", errors.Locked),
        (501, "NotImplemented", errors.Unsupported),
        (301, "PermanentRedirect", errors.InvalidConfiguration),
        (404, "SomethingNew", errors.NotFound),
        (418, "SomethingNew", errors.ProtocolViolation),
    ],
)
def test_error_codes_mean_what_the_reference_says(status: int, code: str, kind: type[MoverError]) -> None:
    found = fault(status, error_body(code) if code else b"")
    assert type(found) is kind
    assert (found.service, found.operation, found.path) == ("s3", "upload", "/a")


def test_the_service_s_own_words_and_wish_for_a_pause_are_kept() -> None:
    found = fault(503, error_body("SlowDown", "please\nreduce"), retry_after="7")
    assert isinstance(found, errors.Throttled)
    assert found.retry_after_s == 7
    assert found.said == "SlowDown: please reduce"


def test_an_archived_object_comes_with_advice() -> None:
    assert "restore" in str(fault(403, error_body("InvalidObjectState")))


@pytest.mark.parametrize("body", [b"<html><body>Bad gateway", b"\x00\xff", b"", b"<Other/>"])
def test_an_error_page_of_something_in_between_goes_by_its_status(body: bytes) -> None:
    assert type(fault(502, body)) is errors.ServiceFault


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        b"<a>&undefined;</a>",
        b"<a>" * 50 + b"</a>" * 50,
        b"<a><b></a>",
        b"",
        b"<a>\x00</a>",
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a []><a/>'.encode("utf-16"),
        b"\xff\xfe\xfd",
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
def test_xml_with_tricks_or_damage_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        read_document(body)


def test_records_are_found_wherever_they_stand_even_after_blanks() -> None:
    body = b'\n<?xml version="1.0"?><R xmlns="u"><A>1</A><L><B><C>2</C><D><E>3</E></D></B><B/></L></R>'
    document = read_document(body, {"B"})
    assert document.root == "R"
    assert document.fields["A"] == "1"
    assert [kind for kind, _ in document.records] == ["B", "B"]
    assert document.records[0][1]["C"] == "2"
    assert document.records[1][1] == {}
