"""Searches all files of the repository for secrets that somebody forgot there.

Everything is searched for what looks like a real credential (keys of clouds, tokens, private keys). What is not a test
is also searched for passwords in URLs, and for random-looking text, which tests are full of: their throwaway servers have
throwaway passwords, and hashes are expected values. Passwords that are assigned to something are ruff's to find (S105 to
S107). What is found and is none stands in `ALLOWED` with its reason; an entry that allows nothing any more fails, so that
the list stays as long as it must be.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

ALLOWED = {
    ("src/mover/api/models.py", "Hex High Entropy String"): "an example of an id",
    ("src/mover/api/openapi.py", "Hex High Entropy String"): "examples of an id and an ETag",
    ("src/mover/connectors/swift/objects.py", "Hex High Entropy String"): "the MD5 of nothing",
    ("tests/connectors/s3/test_signing.py", "AWS Access Key"): "the one of Amazon's own examples",
    ("tests/connectors/sftp/test_sign_in.py", "Private Key"): "has no key in it",
    ("tests/servers/s3.py", "AWS Access Key"): "of a throwaway server on loopback",
}
_PLACEHOLDERS = {"password", "…"}  # of what is shown as an example
_RUFFS = {"Secret Keyword"}
_USUAL_IN_TESTS = {
    "Basic Auth Credentials",
    "Hex High Entropy String",
    "Base64 High Entropy String",
}
_NOT_OURS = ("uv.lock",)


def main() -> int:
    """Return 0 if nothing was found but what is allowed, and all of that."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the one in the path
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [path for path in listed.split("\0") if path and path not in _NOT_OURS and Path(path).is_file()]
    found = SecretsCollection()
    with default_settings():
        found.scan_files(*paths)
    left = dict(ALLOWED)
    problems = 0
    for path, secret in found:
        if secret.type in _RUFFS or secret.secret_value in _PLACEHOLDERS:
            continue
        left.pop((path, secret.type), None)
        if (path, secret.type) in ALLOWED or (path.startswith("tests/") and secret.type in _USUAL_IN_TESTS):
            continue
        problems += 1
        print(f"{path}:{secret.line_number}: looks like a secret ({secret.type})")
    for path, kind in left:
        problems += 1
        print(f".ci/forgotten_secrets.py: {path} has no {kind} any more; take it off the list")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
