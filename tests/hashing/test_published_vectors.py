"""Each hash against values that somebody else published."""

import pytest

from mover.entries import HashName
from mover.hashing import SUPPORTED, MultiHasher

ASCENDING_32 = bytes(range(32))
ASCENDING_4096 = bytes(range(256)) * 16
DESCENDING_4096 = ASCENDING_4096[::-1]

VECTORS = [
    # RFC 1321, appendix A.5
    (HashName.MD5, b"", "d41d8cd98f00b204e9800998ecf8427e"),
    (HashName.MD5, b"message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
    # FIPS 180-2, appendices A to C
    (HashName.SHA1, b"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (HashName.SHA256, b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        HashName.SHA512,
        b"abc",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ),
    # The check value of the catalogue of parametrised CRC algorithms
    (HashName.CRC32, b"123456789", "cbf43926"),
    (HashName.CRC32C, b"123456789", "e3069283"),
    (HashName.CRC64NVME, b"123456789", "ae8b14860a799888"),
    # RFC 3720, appendix B.4
    (HashName.CRC32C, bytes(32), "8a9136aa"),
    (HashName.CRC32C, b"\xff" * 32, "62a8ab43"),
    (HashName.CRC32C, ASCENDING_32, "46dd794e"),
    (HashName.CRC32C, ASCENDING_32[::-1], "113fdb5c"),
    # NVM Command Set Specification 1.0, section 5.2.1.3.5
    (HashName.CRC64NVME, bytes(4096), "6482d367eb22b64e"),
    (HashName.CRC64NVME, b"\xff" * 4096, "c0ddba7302eca3ac"),
    (HashName.CRC64NVME, ASCENDING_4096, "3e729f5f6750449c"),
    (HashName.CRC64NVME, DESCENDING_4096, "9a2df64b8e9e517e"),
    # Leading zeros are kept
    (HashName.CRC32, b"", "00000000"),
    (HashName.CRC64NVME, b"", "0000000000000000"),
    # A file of no bytes has no block
    (HashName.DROPBOX, b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    (HashName.QUICKXOR, b"", "00" * 20),
]


@pytest.mark.parametrize(("name", "content", "expected"), VECTORS)
def test_hash_equals_the_published_value(name: HashName, content: bytes, expected: str) -> None:
    hasher = MultiHasher([name])
    hasher.update(content)
    assert hasher.hexdigests() == {name: expected}


def test_every_hash_of_the_contract_is_supported() -> None:
    assert frozenset(HashName) == SUPPORTED
    assert MultiHasher(SUPPORTED, s3_part_size=1).hexdigests().keys() == SUPPORTED
