"""How long silence may last."""

from __future__ import annotations

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of silence, in seconds.

    Attributes:
        connect_s: Until a connection stands, and again until its TLS stands.
        read_s: While reading an answer's body, and while sending a request's body without any progress.
        answer_s: From the end of a request to the first byte of its answer; services work long on large files.
    """

    connect_s: float = 15.0
    read_s: float = 60.0
    answer_s: float = 300.0
