"""The vendor's own SDK works against the simulator, unchanged and under the vendor's own names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from simulators.front import RunningFront
from tests.servers.simulators import client_environment, dropbox_of

pytestmark = pytest.mark.servers
_WORK = Path(__file__).parent / "sdk_work.py"


def test_the_sdk_does_its_work(simulators: RunningFront, tmp_path: Path) -> None:
    dropbox = dropbox_of(simulators)
    alice = dropbox.add_person("alice@example.com", name="Alice Adams")
    admin = dropbox.add_member("admin@example.com", is_admin=True)
    dropbox.add_member("bob@example.com")
    dropbox.make_team_space()
    dropbox.add_team_folder("Projects")
    refresh = dropbox.accounts.issue(alice, kind="refresh", lifetime_s=None)
    expired = dropbox.token_of(alice, lifetime_s=1)
    tokens = {
        "PERSONAL_TOKEN": dropbox.token_of(alice),
        "EXPIRED_TOKEN": expired,
        "TEAM_TOKEN": dropbox.team_token(admin),
        "REFRESH_TOKEN": refresh.value,
    }
    dropbox.clock.advance(2)
    done = subprocess.run(
        [sys.executable, _WORK],
        env={**client_environment(simulators, tmp_path), **tokens},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert refresh.is_spent
    assert dropbox.mails == []
    assert len(dropbox.tally.calls) >= 28
