from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.connectors.metadata import read_mtime, spell_mtime
from mover.connectors.s3.objects import etag_hashes, facts_from, read_etag
from mover.entries import HashName

MD5 = "5d41402abc4b2a76b9719d911017c592"


@given(st.integers(-(10**19), 10**19))
def test_times_come_back_to_the_nanosecond(modified_ns: int) -> None:
    assert read_mtime(spell_mtime(modified_ns)) == modified_ns


@pytest.mark.parametrize(
    ("spelled", "modified_ns"),
    [
        ("1594303023.123456789", 1594303023123456789),
        ("1594303023", 1594303023000000000),
        ("0.5", 500000000),
        ("-1.5", -1500000000),
        ("1.0000000001", 1000000000),
        ("", None),
        ("1e9", None),
        ("nan", None),
        ("9" * 40, None),
        ("2024-01-01", None),
    ],
)
def test_times_are_read_as_rclone_writes_them(spelled: str, modified_ns: int | None) -> None:
    assert read_mtime(spelled) == modified_ns


def test_times_are_spelled_as_rclone_spells_them() -> None:
    assert spell_mtime(1594303023120000000) == "1594303023.12"
    assert spell_mtime(1594303023000000000) == "1594303023"


@pytest.mark.parametrize(
    ("etag", "hashes"),
    [
        (MD5, {HashName.MD5: MD5}),
        (f"{MD5}-12", {HashName.S3_ETAG: f"{MD5}-12"}),
        (f"{MD5}-0", {}),
        (MD5.upper(), {}),
        ("abc", {}),
        (None, {}),
    ],
)
def test_an_etag_is_a_hash_only_where_it_has_the_form_of_one(
    etag: str | None, hashes: dict[HashName, str]
) -> None:
    assert etag_hashes(etag) == hashes


@pytest.mark.parametrize(
    "headers",
    [
        {"x-amz-server-side-encryption": "aws:kms"},
        {"x-amz-server-side-encryption": "aws:kms:dsse"},
        {"x-amz-server-side-encryption-customer-algorithm": "AES256"},
    ],
)
def test_under_a_key_of_the_customer_an_etag_that_looks_like_an_md5_is_none(headers: dict[str, str]) -> None:
    assert facts_from({"etag": f'"{MD5}"', **headers}).hashes == {}
    assert facts_from({"etag": f'"{MD5}"', "x-amz-server-side-encryption": "AES256"}).hashes == {
        HashName.MD5: MD5
    }


def test_only_checksums_of_the_whole_object_are_taken() -> None:
    whole = facts_from({"x-amz-checksum-crc64nvme": "Dd0mpSz26/c="})
    assert whole.hashes == {HashName.CRC64NVME: "0ddd26a52cf6ebf7"}
    assert not facts_from({"x-amz-checksum-crc32": "AAAAAA==-3"}).hashes
    assert not facts_from({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-type": "COMPOSITE"}).hashes
    assert not facts_from({"x-amz-checksum-crc32": "!", "x-amz-checksum-sha256": "AAAA"}).hashes


def test_without_a_stored_time_the_time_of_arrival_is_told() -> None:
    headers = {"last-modified": "Thu, 01 Jan 1970 00:00:02 GMT"}
    assert facts_from(headers).modified_ns == 2_000_000_000
    assert facts_from({**headers, "x-amz-meta-mtime": "1.5"}).modified_ns == 1_500_000_000
    assert facts_from({"last-modified": "soon"}).modified_ns is None


@pytest.mark.parametrize("text", ["", '"', '"a b"', '"' + "x" * 300 + '"', '"é"'])
def test_an_etag_that_could_not_be_sent_back_is_none(text: str) -> None:
    assert read_etag(text) is None
