"""What a vendor is to the front and to tests."""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp

from simulators.faults import FaultScript
from simulators.tally import Tally


class Vendor(Protocol):
    """One vendor's services, with all the state of one organisation (or several).

    Attributes:
        faults: What is to go wrong.
        tally: What was called.
    """

    faults: FaultScript
    tally: Tally

    @property
    def name(self) -> str:
        """As its package is called."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names that it answers for; `*.example.com` stands for one label."""

    @property
    def app(self) -> ASGIApp:
        """Answers requests to all of the hosts."""
