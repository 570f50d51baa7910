"""Encrypted parts between the source and the destination; no other room writes file content anywhere.

A byte's way through here: `Staging.file` gives a file its key; `StagedFile.receive` waits for room (budget.py), gathers
pieces into segments (intake.py), hashes and seals them (sealing.py), and puts them down in memory or on disk
(segments.py, folder.py); `StagedPart.chunks` gives them out again, checked. What is here at a moment shows `held.py`.
"""

from mover.staging.file import StagedFile
from mover.staging.held import Held, Label, PartGone, Shelf
from mover.staging.part import StagedPart
from mover.staging.staging import Staging

__all__ = ["Held", "Label", "PartGone", "Shelf", "StagedFile", "StagedPart", "Staging"]
