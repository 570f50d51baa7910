"""Each hash against programs that other people wrote: rclone and the S3 client of AWS."""

import base64
import hashlib
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from botocore import httpchecksum  # type: ignore[import-untyped]  # it ships no py.typed

from mover.entries import HashName
from mover.hashing import MultiHasher
from mover.hashing.blocks import DROPBOX_BLOCK

pytestmark = pytest.mark.slow

RCLONE = shutil.which("rclone", path=str(Path(sys.executable).parent)) or "rclone"
RCLONE_NAMES = [
    HashName.MD5,
    HashName.SHA1,
    HashName.SHA256,
    HashName.SHA512,
    HashName.CRC32,
    HashName.QUICKXOR,
    HashName.DROPBOX,
]
# Around the sizes at which an algorithm starts something new: rings, periods, folds and blocks.
SIZES = [0, 1, 19, 20, 21, 159, 160, 161, 40_959, 40_960, 40_961, 1_000_003]
BLOCK_SIZES = [DROPBOX_BLOCK - 1, DROPBOX_BLOCK, DROPBOX_BLOCK + 1, 3 * DROPBOX_BLOCK]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("content")
    for size in SIZES + BLOCK_SIZES:
        (folder / str(size)).write_bytes(random.Random(size).randbytes(size))
    return folder


@pytest.mark.parametrize("name", RCLONE_NAMES)
def test_hash_equals_that_of_rclone(name: HashName, folder: Path) -> None:
    answer = subprocess.run(
        [RCLONE, "hashsum", name.value, folder], capture_output=True, text=True, check=True
    )
    theirs = {file: digest for digest, file in (line.split() for line in answer.stdout.splitlines())}
    ours = {}
    for file in folder.iterdir():
        hasher = MultiHasher([name])
        hasher.update(file.read_bytes())
        ours[file.name] = hasher.hexdigests()[name]
    assert ours == theirs
    assert len(ours) == len(SIZES + BLOCK_SIZES)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        (HashName.CRC32, httpchecksum.CrtCrc32Checksum),
        (HashName.CRC32C, httpchecksum.CrtCrc32cChecksum),
        (HashName.CRC64NVME, httpchecksum.CrtCrc64NvmeChecksum),
    ],
)
def test_crc_in_base64_is_what_the_s3_client_sends(
    name: HashName, theirs: type[httpchecksum.BaseChecksum], folder: Path
) -> None:
    for file in folder.iterdir():
        hasher = MultiHasher([name])
        hasher.update(file.read_bytes())
        sent = base64.b64encode(bytes.fromhex(hasher.hexdigests()[name])).decode()
        assert sent == theirs().handle(file.read_bytes())


def quickxor_by_the_letter(content: bytes) -> str:
    """The algorithm as Microsoft explains it, a byte at a time."""
    ring = 0
    for place, byte in enumerate(content):
        turn = place * 11 % 160
        turned = byte << turn
        ring ^= (turned | turned >> 160) & (1 << 160) - 1
    digest = bytearray(ring.to_bytes(20, "little"))
    for place, byte in enumerate(len(content).to_bytes(8, "little"), start=12):
        digest[place] ^= byte
    return digest.hex()


@pytest.mark.parametrize("size", SIZES)
def test_quickxor_equals_its_definition(size: int, folder: Path) -> None:
    content = (folder / str(size)).read_bytes()
    hasher = MultiHasher([HashName.QUICKXOR])
    hasher.update(content)
    assert hasher.hexdigests()[HashName.QUICKXOR] == quickxor_by_the_letter(content)


@pytest.mark.parametrize("size", [0, 1, 99, 100, 101, 200, 250])
def test_s3_etag_equals_its_definition(size: int) -> None:
    content = random.Random(size).randbytes(size)
    parts = [content[start : start + 100] for start in range(0, size, 100)] or [b""]
    joined = b"".join(hashlib.md5(part, usedforsecurity=False).digest() for part in parts)
    hasher = MultiHasher([HashName.S3_ETAG], s3_part_size=100)
    hasher.update(content)
    expected = f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(parts)}"
    assert hasher.hexdigests() == {HashName.S3_ETAG: expected}
