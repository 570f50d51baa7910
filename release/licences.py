"""Under which licences the parts of Mover come: `python -m release.licences [--check]`.

Without an option the list that the credits page shows is written anew; with `--check` it must be up to date. A licence that
is not among ALLOWED fails either way: it has to be read by a person first.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from license_expression import LicenseExpression, get_spdx_licensing  # type: ignore[import-untyped]  # it has no types

from release.dependencies import ROOT, Dependency, dependencies

LISTED = ROOT / "src" / "mover" / "web" / "third_party.json"
_STATIC = ROOT / "src" / "mover" / "web" / "static"

ALLOWED = MappingProxyType(
    {
        "0BSD": "asks for nothing",
        "Apache-2.0": "Mover's own",
        "BSD-2-Clause": "asks to be named",
        "BSD-3-Clause": "asks to be named",
        "EPL-2.0": "asks for the source of changes to itself; it is used unchanged, as a library of its own",
        "ISC": "asks to be named",
        "LGPL-2.1-only": "as a library that the user can replace, which a Python package is",
        "LGPL-3.0-only": "likewise",
        "MIT": "asks to be named",
        "MIT-0": "asks for nothing",
        "MPL-2.0": "asks for the source of changed files; it is used unchanged",
        "OFL-1.1": "a font: asks to be named, and not to be sold by itself",
        "PSF-2.0": "Python's own",
    }
)
"""Why each may be in what Mover's users get."""

# What people wrote before there was a field for it, in the words of SPDX.
_OLD_WORDS = MappingProxyType(
    {
        "3-clause bsd license": "BSD-3-Clause",
        "apache 2.0": "Apache-2.0",
        "apache license, version 2.0": "Apache-2.0",
        "apache software license": "Apache-2.0",
        "isc license": "ISC",
        "isc license (iscl)": "ISC",
        "mit license": "MIT",
        "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
        "python software foundation license": "PSF-2.0",
    }
)
# Those that say no more than "BSD", or nothing: what stands in the licence file that they come with.
_READ_BY_US = MappingProxyType(
    {
        "jinja2": "BSD-3-Clause",
        "pyasn1-modules": "BSD-2-Clause",
        "pyrage": "MIT",
        "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
        "segno": "BSD-3-Clause",
        "uvloop": "MIT OR Apache-2.0",
    }
)


@dataclass(frozen=True)
class Vendored:
    """What lies in the package itself, with its licence beside it."""

    name: str
    licence: str
    home: str
    licence_file: str


_VENDORED = (
    Vendored("htmx", "0BSD", "https://htmx.org", "vendor/htmx.LICENSE"),
    Vendored(
        "htmx server-sent events", "0BSD", "https://htmx.org/extensions/sse/", "vendor/htmx-sse.LICENSE"
    ),
    Vendored("Inter", "OFL-1.1", "https://rsms.me/inter/", "fonts/inter.LICENSE"),
    Vendored("Lucide", "ISC", "https://lucide.dev", "icons/lucide.LICENSE"),
)
_SPDX = get_spdx_licensing()


class NotAllowed(Exception):
    """A licence that is unknown, or not among ALLOWED."""


def licence_of(dependency: Dependency) -> str:
    """The licence in the words of SPDX. Raises NotAllowed."""
    said = _READ_BY_US.get(dependency.name) or dependency.said("License-Expression")
    if not said:
        classifiers = (
            line.rpartition("::")[2].strip().lower()
            for line in dependency.metadata.get_all("Classifier") or ()
            if line.startswith("License ::")
        )
        given = dependency.said("License")
        words = (given.lower(), *classifiers)
        said = next((_OLD_WORDS[word] for word in words if word in _OLD_WORDS), given)
    return checked(str(said), dependency.name)


def checked(expression: str, whose: str) -> str:
    """The expression, if one of the licences that it offers, or all that it joins, are allowed. Raises NotAllowed."""
    info = _SPDX.validate(expression)
    if not expression or info.errors:
        raise NotAllowed(
            f"{whose}: {expression[:60]!r} is no licence in the words of SPDX; read what it comes with"
        )
    if not _allows(_SPDX.parse(expression)):
        raise NotAllowed(f"{whose}: {expression} is not among the licences that are allowed")
    return str(info.normalized_expression)


def _allows(parsed: LicenseExpression) -> bool:
    match type(parsed).__name__:
        case "OR":
            return any(_allows(each) for each in parsed.args)
        case "AND":
            return all(_allows(each) for each in parsed.args)
        case _:
            return str(parsed) in ALLOWED


def vendored() -> tuple[Vendored, ...]:
    """What lies in the package itself. Raises NotAllowed."""
    for part in _VENDORED:
        if not (_STATIC / part.licence_file).is_file():
            raise NotAllowed(f"{part.name}: its licence does not stand beside it, in {part.licence_file}")
        checked(part.licence, part.name)
    return _VENDORED


def listed(found: Sequence[Dependency]) -> str:
    """The list for the credits page, as it is to stand in the package. Raises NotAllowed."""
    rows = [{"name": each.name, "licence": licence_of(each), "home": each.home} for each in found]
    rows += [{"name": each.name, "licence": each.licence, "home": each.home} for each in vendored()]
    rows.sort(key=lambda row: row["name"].lower())
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the list, or check it; returns the exit code."""
    try:
        text = listed(dependencies())
    except NotAllowed as refused:
        print(refused, file=sys.stderr)
        return 1
    if "--check" in arguments:
        if not LISTED.is_file() or LISTED.read_text(encoding="utf-8") != text:
            print(
                f"{LISTED.relative_to(ROOT)} is out of date; run: python -m release.licences", file=sys.stderr
            )
            return 1
        return 0
    LISTED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
