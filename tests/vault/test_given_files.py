from __future__ import annotations

import os

import pytest

from mover.vault.given_files import readable_by_others


def status(mode: int, uid: int) -> os.stat_result:
    return os.stat_result((0o100000 | mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("mode", "owner", "expected"),
    [
        (0o600, 1000, False),
        (0o400, 1000, False),
        (0o400, 0, False),
        (0o440, 0, False),  # systemd's credentials, Kubernetes' secrets
        (0o640, 0, False),
        (0o640, 1000, True),  # their own file, opened to a group: hardly on purpose
        (0o440, 1001, True),
        (0o660, 0, True),
        (0o650, 0, True),
        (0o604, 1000, True),
        (0o444, 0, True),
        (0o602, 1000, True),
    ],
)
def test_a_file_is_for_its_owner_or_given_by_root(mode, owner, expected):
    assert readable_by_others(status(mode, owner), own_uid=1000) is expected


def test_roots_own_files_are_for_root_alone():
    assert readable_by_others(status(0o640, 0), own_uid=0) is True
    assert readable_by_others(status(0o600, 0), own_uid=0) is False
