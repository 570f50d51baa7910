"""One end of a pair: a connector and the folder that stands for the pair's root."""

from __future__ import annotations

from dataclasses import dataclass

from mover.connectors.contract import Changes, Connector
from mover.entries import EntryRef
from mover.ledger.records import child_ref
from mover.transfer.forms import Form, SealedNames


@dataclass(frozen=True)
class Side:
    """Source or destination of a run.

    Attributes:
        label: As the person wrote it (`nas:/docs`).
        account: What makes it the same account in another run: "file", or the id of a connection.
        connector: Signed in, paced.
        root: Path of the pair's root at the service.
        root_id: Its id there, where the service has ids and the root is known.
        root_stands: The root is there; it is a folder, and was looked at for this run.
        root_is_new: This run made the root, so nothing stands in it yet.
        form: The form in which files are read, if it is another one than the service has (a source only).
        names: How names are sealed on their way here, if they are (a destination only).
        who: The account as the service calls it: a connection may be signed in anew as somebody else.
        secure: The way to the service is encrypted, or there is none.
    """

    label: str
    account: str
    connector: Connector
    root: str
    root_id: str | None = None
    root_stands: bool = False
    root_is_new: bool = False
    secure: bool = True
    who: str = ""
    form: Form | None = None
    names: SealedNames | None = None

    def ref(self, path: str, id: str | None) -> EntryRef:  # noqa: A002 - the field's own word
        """Address an entry by its path relative to the pair's root."""
        return child_ref(self.root, path, self.root_id if path == "/" else id)

    def feed(self, *, sharing: bool) -> Changes | None:
        """The change feed, if what it tells can be found in the ledger: by ids that stay.

        With `sharing` it is the one that tells of permissions, too.
        """
        if not self.connector.capabilities.stable_ids:
            return None
        return self.connector.sharing_changes if sharing else self.connector.changes
