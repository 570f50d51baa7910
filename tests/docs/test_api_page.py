"""What docs/api.md tells programmers is so."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mover.notices.events import Event
from mover.notices.signatures import new_secret, signed_headers

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def test_the_example_takes_our_messages_and_no_others() -> None:
    [example] = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    told: dict[str, Any] = {}
    exec(example, told)  # noqa: S102 - it is ours, and this is the test of it
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], "msg_1", 1_800_000_000, b"{}")
    for secret in (old, new):
        assert told["is_ours"](secret.reveal(), headers, b"{}")
    assert not told["is_ours"](new_secret().reveal(), headers, b"{}")
    assert not told["is_ours"](new.reveal(), headers, b"{ }")
    assert not told["is_ours"](new.reveal(), headers | {"webhook-timestamp": "1800000001"}, b"{}")


def test_it_names_every_event() -> None:
    assert {event.value for event in Event if event is not Event.TEST} == set(
        re.findall(r"`((?:run|migration|connection)\.[a-z_]+)`", PAGE)
    )
