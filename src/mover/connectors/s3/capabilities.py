"""What S3 can do, as data."""

from __future__ import annotations

from dataclasses import replace

from mover.connectors.contract import Capabilities, PartRules, Setting
from mover.connectors.s3.costs import COSTS
from mover.entries import HashName
from mover.naming.presets import S3

_MIB = 1024 * 1024
_BACKSLASH = "\\\N{FULLWIDTH REVERSE SOLIDUS}"

# "Amazon S3 multipart upload limits", Amazon S3 User Guide.
PART_RULES = PartRules(
    smallest=5 * _MIB,
    largest=5 * 1024 * _MIB,
    most=10_000,
    preferred=16 * _MIB,
    parallel=True,
    worthwhile_from=32 * _MIB,
)


def describe(*, amazon: bool, server: str, plain: bool, own_encryption: bool) -> Capabilities:
    """Describe a service.

    Args:
        amazon: It is Amazon's, which returns a CRC64NVME of whatever it takes.
        server: What it calls itself.
        plain: ETags can be MD5s.
        own_encryption: New objects are encrypted under KMS, as the person wishes.
    """
    returned = set()
    if plain and not own_encryption:
        returned |= {HashName.MD5, HashName.S3_ETAG}
    if amazon:
        returned.add(HashName.CRC64NVME)
    # SeaweedFS makes slashes of backslashes, so that a file would end up in another folder.
    turns_backslashes = server.startswith("SeaweedFS")
    return Capabilities(
        names=replace(S3, marked=(*S3.marked, _BACKSLASH)) if turns_backslashes else S3,
        listed_hashes=frozenset({HashName.MD5}) if plain else frozenset(),
        returned_hashes=frozenset(returned),
        modified=Setting.AT_UPLOAD,
        modified_resolution_ns=None,
        versioned_reads=True,
        exclusive_create=True,
        unknown_sizes=False,
        max_file_size=PART_RULES.most * PART_RULES.largest,
        implicit_folders=True,
        parts=PART_RULES,
        concurrency=(16, 64),
        costs=COSTS,
    )
