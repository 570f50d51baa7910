"""A client generator that we did not write makes a client of the description, and Python loads all of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from tests.api.installation import Running

_TOOLS = Path(__file__).parents[2] / ".tools" / "client-generator" / "bin"
# It knows neither type, and takes both for what they are to it: bytes and text.
_CONFIG = {
    "content_type_overrides": {"text/csv": "application/octet-stream", "application/jsonl": "text/plain"},
    "post_hooks": [],
}
_LOAD_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module("client")
names = [module.name for module in pkgutil.walk_packages(package.__path__, "client.")]
for name in names:
    importlib.import_module(name)
print("\\n".join(names))
"""


def _run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(_TOOLS / program), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.servers
@pytest.mark.slow
async def test_a_generated_client_has_every_operation_and_loads(mover: Running, tmp_path: Path) -> None:
    document = (await mover.client.get("/api/v1/openapi.json")).json()
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    (tmp_path / "config.json").write_text(json.dumps(_CONFIG))

    generated = _run(
        tmp_path,
        "openapi-python-client",
        *("generate", "--meta", "none", "--fail-on-warning", "--output-path", "client"),
        *("--path", "openapi.json", "--config", "config.json"),
    )
    loaded = _run(tmp_path, "python", "-W", "error::SyntaxWarning", "-c", _LOAD_ALL)

    assert generated.returncode == 0, generated.stdout + generated.stderr
    assert loaded.returncode == 0, loaded.stderr
    modules = {name.rpartition(".")[2] for name in loaded.stdout.split()}
    operations = {method["operationId"] for path in document["paths"].values() for method in path.values()}
    assert operations <= modules
    assert len(operations) > 80
