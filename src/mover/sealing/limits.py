"""What does not go together with sealed files, in words for people: said by the command line and by the pages alike."""

from __future__ import annotations

DOES_NOT_APPLY = (
    "The destination can neither show, search, convert nor edit sealed files.",
    "Documents of a service's own arrive as sealed Office files; the properties of Office files are sealed with them.",
    "Files are verified by the hash of what arrives, the ciphertext: it is not compared with hashes of the source.",
    "Earlier versions of files are not moved.",
    "What has arrived is not sealed anew when other keys are given later.",
)
"""One sentence each."""

NO_VERSIONS = "earlier versions of files cannot be sealed or opened: leave that choice out"
