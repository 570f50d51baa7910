"""Names that tell nothing: the same for the same name and key, and not to be undone.

What they stand for is told by a sealed file beside them (`mover.connectors.sealed.index`). The key opens nothing: who
has it can only try whether a name is one that he guesses.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field

from mover.sealing.age.files import SUFFIX

INDEX_NAME = ".mover-names"  # as the source has it
SEALED_INDEX_NAME = "mover-names.age"  # as it stands at the destination
_BYTES = 16
_HIDDEN = re.compile(r"[a-z2-7]{26}(\.age)?")


def hidden_name(key: bytes, name: str) -> str:
    """Hide a name behind 26 letters and digits, all of them lower case."""
    digest = hmac.new(key, name.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.b32encode(digest[:_BYTES]).decode().rstrip("=").lower()


def looks_hidden(name: str) -> bool:
    """Whether a name could be such a one, with the ending of sealed files or without."""
    return _HIDDEN.fullmatch(name) is not None


@dataclass(frozen=True)
class AgeNames:
    """Names of files that are sealed with age: with another ending, or hidden.

    Attributes:
        key: That names are hidden with; None: they are not.
    """

    key: bytes | None = field(default=None, repr=False)
    what: str = "files that are sealed with age"
    reversible: bool = False

    def name(self, name: str, *, folder: bool) -> str:
        """The name at the destination. A file that has the ending already is sealed already, or stays without a second one."""
        if self.key is not None:
            if name == INDEX_NAME and not folder:
                return SEALED_INDEX_NAME
            return hidden_name(self.key, name) + ("" if folder else SUFFIX)
        return name if folder or name.lower().endswith(SUFFIX) else name + SUFFIX

    def is_always_moved(self, name: str) -> bool:
        """Whether it is the file that tells the names of a folder."""
        return self.key is not None and name == INDEX_NAME
