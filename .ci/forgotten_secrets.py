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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings, transient_settings

ALLOWED = {
    ("src/mover/api/models.py", "Hex High Entropy String"): "an example of an id",
    ("src/mover/api/openapi.py", "Hex High Entropy String"): "examples of an id and an ETag",
    ("src/mover/api/resources/options.py", "Base64 High Entropy String"): "a public key, as an example",
    ("src/mover/connectors/swift/objects.py", "Hex High Entropy String"): "the MD5 of nothing",
    ("src/mover/sealing/bech32.py", "Base64 High Entropy String"): "the letters of Bech32",
    ("tests/connectors/s3/test_signing.py", "AWS Access Key"): "the one of Amazon's own examples",
    ("tests/connectors/sftp/test_sign_in.py", "Private Key"): "has no key in it",
    ("tests/servers/hashicorp.py", "JSON Web Token"): "of a server of the tests' own, signed with nothing",
    ("tests/servers/kms.py", "AWS Access Key"): "of a throwaway server on loopback",
    ("tests/servers/s3.py", "AWS Access Key"): "likewise",
    ("tests/vault/test_dump.py", "Private Key"): "a canary",
    ("tests/web/test_options_form.py", "Private Key"): "has no key in it",
}
_PLACEHOLDERS = {"password", "…"}  # of what is shown as an example
_NOT_OURS = ("uv.lock",)
_CREDENTIALS = (
    *(
        "AWSKeyDetector",
        "AzureStorageKeyDetector",
        "GitHubTokenDetector",
        "GitLabTokenDetector",
        "JwtTokenDetector",
    ),
    *("NpmDetector", "OpenAIDetector", "PrivateKeyDetector", "PypiTokenDetector", "SendGridDetector"),
    *("SlackDetector", "StripeDetector", "TwilioKeyDetector"),
)
_RANDOM_TEXT = (
    {"name": "BasicAuthDetector"},
    {"name": "Base64HighEntropyString", "limit": 4.5},
    {"name": "HexHighEntropyString", "limit": 3.0},
)


def main() -> int:
    """Return 0 if nothing was found but what is allowed, and all of that."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the one in the path
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    paths = [path for path in listed.split("\0") if path and path not in _NOT_OURS and Path(path).is_file()]
    credentials = [{"name": name} for name in _CREDENTIALS]
    tests = [path for path in paths if path.startswith("tests/")]
    found = [
        *_found(tests, credentials),
        *_found(sorted({*paths} - {*tests}), [*credentials, *_RANDOM_TEXT]),
    ]
    left = dict(ALLOWED)
    problems = 0
    for path, kind, line in found:
        left.pop((path, kind), None)
        if (path, kind) not in ALLOWED:
            problems += 1
            print(f"{path}:{line}: looks like a secret ({kind})")
    for path, kind in left:
        problems += 1
        print(f"{__file__}: {path} has no {kind} any more; take it off the list")
    return 1 if problems else 0


def _found(paths: Sequence[str], plugins: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, str, int]]:
    collection = SecretsCollection()
    with transient_settings({**_filters(), "plugins_used": list(plugins)}):
        collection.scan_files(*paths)
    for path, secret in collection:
        if secret.secret_value not in _PLACEHOLDERS:
            yield path, secret.type, secret.line_number


def _filters() -> dict[str, object]:
    """The tool's own rules of what is no secret: words, ids, references to variables."""
    with default_settings() as settings:
        return {"filters_used": settings.json()["filters_used"]}


if __name__ == "__main__":
    sys.exit(main())
