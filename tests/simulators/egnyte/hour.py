"""An hour's work with Egnyte's own SDK, as a program of its own: `hour.py DOMAIN TOKEN`. Prints what it saw as JSON."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import warnings

warnings.simplefilter("ignore")  # the SDK is of another time
from egnyte import EgnyteClient, exc  # type: ignore[import-untyped]  # noqa: E402 - as above


def main(domain: str, token: str) -> dict[str, object]:
    """Do it."""
    client = EgnyteClient({"domain": domain, "access_token": token})
    before = client.events.latest_event_id
    folder = client.folder("/Shared/reports").create()
    folder.create()  # again: the SDK knows the refusal by its words
    inner = folder.folder("q1 + %20#;{}").create()

    small = inner.file("a.txt")
    small.upload(io.BytesIO(b"first"))
    small.upload(io.BytesIO(b"second"))
    assert small.download().read() == b"second"
    assert small.download((1, 3)).read() == b"eco"

    large = inner.file("large.bin")
    large._upload_chunk_size = 10_000_000
    data = bytes(range(256)) * 100_000
    large.upload(io.BytesIO(data))
    assert hashlib.sha512(large.download().read()).digest() == hashlib.sha512(data).digest()

    listed = client.folder(inner.path).list()
    names = sorted(file.name for file in listed.files)
    moved = small.move("/Shared/reports/b.txt")
    moved.copy("/Shared/reports/c.txt")
    missing = False
    try:
        small.check()
    except exc.NotFound:
        missing = True

    folder.set_permissions("Editor", users=["ann"])
    folder.set_permissions("Viewer", groups=["Sales"])
    told = folder.get_permissions()
    user = client.users.by_email("ann@acme.example")
    seen = client.events.filter(before).list(before)
    client.file("/Shared/reports/c.txt").delete()
    found = {
        "who": client.user_info["email"],
        "names": names,
        "versions": moved.num_versions,
        "checksum": large.checksum,
        "missing": missing,
        "permissions": [told.user_to_permission.get("ann"), told.group_to_permission.get("Sales")],
        "user": user.userName,
        "actions": sorted({event.action for event in seen}),
        "groups": [group.displayName for group in client.groups.list()],
    }
    client.close()
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1], sys.argv[2])))
