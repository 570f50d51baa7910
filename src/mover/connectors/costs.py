"""What operations at a service cost in calls, and how many calls it takes: data for what a scan tells beforehand.

The numbers are those of the connector's own code; `tests/transfer/test_estimates_at_clouds.py` compares what a scan tells
by them with what the simulators count. A call that several files share counts as the share of it. Listings are not here:
a scan makes them itself, and the move makes the same ones again.
"""

from __future__ import annotations

import msgspec


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a file up to a size costs. Steps of one operation ascend, and the last one has no `up_to`.

    Attributes:
        up_to: In bytes, this size included; None: any size.
        calls: Of each file.
        opening: Calls once for a run, before enough files are under way to share calls; all together never cost more than
            `alone` for each file.
        alone: Calls of a file that shares none.
        first: So many files of a run at most cost `calls`, those after them `alone`; None: all.
    """

    up_to: int | None = None
    calls: float
    opening: float = 0.0
    alone: float | None = None
    first: int | None = None

    def of(self, files: int) -> float:
        """Calls of so many files."""
        alone = self.calls if self.alone is None else self.alone
        cheap = files if self.first is None else min(files, self.first)
        return min(self.opening + cheap * self.calls, cheap * alone) + (files - cheap) * alone


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """How much of something a service takes in a time, as its vendor publishes it.

    Attributes:
        told: For people, after the service's title: "takes 240 uploads a minute".
        most: So much,
        every_s: in so many seconds.
        source: Where the vendor says so.
        listing, reading, writing, permitting: What a call of that sort counts.
        upload: What a file that is sent counts besides.
        uploaded_byte: What each byte of it counts.
        differs: An account may have another limit: the vendor raises it, or it goes by the size of the customer.
    """

    told: str
    most: float
    every_s: float
    source: str
    listing: float = 0.0
    reading: float = 0.0
    writing: float = 0.0
    permitting: float = 0.0
    upload: float = 0.0
    uploaded_byte: float = 0.0
    differs: bool = False


def calls_at_most(told: str, most: int, *, every_s: float, source: str, differs: bool = False) -> Limit:
    """A limit that every call counts one towards, of whatever sort; arguments as of `Limit`."""
    return Limit(
        told=told,
        most=most,
        every_s=every_s,
        source=source,
        listing=1,
        reading=1,
        writing=1,
        permitting=1,
        differs=differs,
    )


class CallCosts(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that the operations of a connector make.

    Attributes:
        title: The service, for people.
        reads: A file that a listing has told of, read whole.
        read_alone: A range of a file, or a file that no listing has just told of.
        uploads: A file sent whole.
        upload_where_stood: More for a new file in a folder that the run has not made itself.
        replace: More for a file that takes the place of another one, besides looking at that.
        begin, finish: Of a file that is sent in parts.
        part: Of each part.
        piece: Where the service cuts parts itself: the size in bytes of what it takes with a call instead.
        folder: A new folder.
        look: To describe one entry,
        look_each_name: and for each name of its path.
        set_time: To set the modified time of what is there.
        rename: To give an entry another name.
        permit: To permit something to somebody, or to take it back.
        feed: To learn where the feed of changes stands.
        limits: What the vendor publishes; empty where that is nothing.
    """

    title: str
    reads: tuple[Step, ...]
    read_alone: float
    uploads: tuple[Step, ...]
    upload_where_stood: float = 0.0
    replace: float = 0.0
    begin: float = 1.0
    part: float = 1.0
    finish: float = 1.0
    piece: int | None = None
    folder: Step = Step(calls=1)
    look: float = 1.0
    look_each_name: float = 0.0
    set_time: float = 1.0
    rename: float = 1.0
    permit: float = 2.0
    feed: float = 1.0
    limits: tuple[Limit, ...] = ()


def step_for(steps: tuple[Step, ...], size: int | None) -> int:
    """Which step a size in bytes falls on; None, a size above all bounds, falls on the last one."""
    for index, step in enumerate(steps):
        if step.up_to is None or (size is not None and size <= step.up_to):
            return index
    raise AssertionError("the last step has no bound")
