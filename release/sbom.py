"""The bill of materials (CycloneDX 1.5, JSON): every locked part with its version, hashes and licence.

`python -m release.sbom FILE`. uv lists what is locked; what it does not know is added: licences, what lies in the package
itself (scripts, font, icons), and what is left out is what is never installed on this kind of system. The same lock gives
the same file, so its serial number follows from its content.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from release.dependencies import dependencies, exported
from release.licences import licence_of, vendored
from release.moment import moment_of_source


def bill(made: dt.datetime) -> dict[str, Any]:
    """Make it. Raises NotAllowed: a licence is unknown or not allowed."""
    found = {dependency.name: dependency for dependency in dependencies()}
    document: dict[str, Any] = json.loads(exported("--format", "cyclonedx1.5", project=True))
    components = [each for each in document["components"] if canonicalize_name(each["name"]) in found]
    for component in components:
        dependency = found[canonicalize_name(component["name"])]
        if dependency.version != component["version"]:
            raise ValueError(
                f"{dependency.name}: {component['version']} is locked, and another one installed"
            )
        component["licenses"] = _licences(licence_of(dependency))
    components += [
        {
            "type": "library",
            "bom-ref": f"vendored-{part.name.replace(' ', '-')}",
            "name": part.name,
            "licenses": _licences(part.licence),
            "externalReferences": [{"type": "website", "url": part.home}],
        }
        for part in vendored()
    ]
    root = document["metadata"]["component"]
    root |= {
        "type": "application",
        "licenses": _licences("Apache-2.0"),
        "purl": f"pkg:pypi/mover@{root['version']}",
    }
    document["metadata"]["timestamp"] = made.strftime("%Y-%m-%dT%H:%M:%SZ")
    document["components"] = components
    kept = {each["bom-ref"] for each in components} | {root["bom-ref"]}
    document["dependencies"] = [
        {**each, "dependsOn": [reference for reference in each.get("dependsOn", ()) if reference in kept]}
        for each in document["dependencies"]
        if each["ref"] in kept
    ]
    del document["serialNumber"]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    document["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{digest}").urn
    return document


def problem_of(text: str) -> str | None:
    """What is wrong with a bill of materials by CycloneDX's own schema, without anything beyond it; None: nothing."""
    problem = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    return None if problem is None else str(problem)


def written(file: Path, made: dt.datetime) -> None:
    """Write it. Raises ValueError: it would not be one by the schema; NotAllowed."""
    text = json.dumps(bill(made), indent=1, sort_keys=True) + "\n"
    if (problem := problem_of(text)) is not None:
        raise ValueError(f"the bill of materials does not follow its schema: {problem}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def _licences(expression: str) -> list[dict[str, Any]]:
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def main(arguments: Sequence[str]) -> int:
    """Write the file that is named; returns the exit code."""
    written(Path(arguments[0]), moment_of_source())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
