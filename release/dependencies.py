"""What is installed with Mover, as the lock says, and what each part says of itself."""

from __future__ import annotations

import importlib.metadata
import subprocess
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
UV = ROOT / ".tools" / "bin" / "uv"
_HOMES = ("homepage", "home page", "repository", "source", "source code", "github", "documentation")


@dataclass(frozen=True)
class Dependency:
    """One locked distribution.

    Attributes:
        name: As PyPI spells it, normalised.
        version: The locked one.
        metadata: What it says of itself, as installed here.
    """

    name: str
    version: str
    metadata: importlib.metadata.PackageMetadata

    def said(self, field: str) -> str:
        """The first value of a field of its metadata; empty if it has none."""
        values = self.metadata.get_all(field) or [""]
        return str(values[0]).strip()

    @property
    def home(self) -> str:
        """Where it comes from."""
        named = {
            label.strip().lower(): address.strip()
            for label, _, address in (
                line.partition(",") for line in self.metadata.get_all("Project-URL") or ()
            )
        }
        found = next((named[label] for label in _HOMES if label in named), self.said("Home-page"))
        return str(found or f"https://pypi.org/project/{self.name}/")


def exported(*how: str, project: bool = False) -> str:
    """What `uv export` says about the locked runtime dependencies, those of the extras included.

    `project`: and about Mover itself.
    """
    command = [str(UV), "export", "--frozen", "--no-dev", "--all-extras", "--quiet", *how]
    command += [] if project else ["--no-emit-project"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def dependencies() -> tuple[Dependency, ...]:
    """All that is installed on this kind of system, by name.

    Raises importlib.metadata.PackageNotFoundError: the environment is not the locked one.
    """
    found = []
    for line in exported("--no-hashes", "--no-annotate", "--no-header").splitlines():
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate():
            (pinned,) = requirement.specifier
            name = canonicalize_name(requirement.name)
            metadata = importlib.metadata.metadata(name)
            found.append(Dependency(name, pinned.version, metadata))
    return tuple(sorted(found, key=lambda dependency: dependency.name))
