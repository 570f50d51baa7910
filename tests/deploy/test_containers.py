"""The image's definition and its composition are read, in no time; test_image.py builds and runs them, in minutes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from mover.settings import ListenAt, Settings

pytestmark = [pytest.mark.promise("isolation", "supply-chain")]

FOLDER = Path(__file__).parents[2] / "deploy" / "container"


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", (FOLDER / "Containerfile").read_text(), flags=re.MULTILINE).replace(
        "\\\n", " "
    )
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]
    return [(word.upper(), rest) for word, rest in lines]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = [[]]
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def test_bases_are_given_from_outside_and_none_is_the_newest():
    before, *built = stages()
    arguments = dict(rest.split("=", 1) for word, rest in before if word == "ARG")
    bases = [re.fullmatch(r"\$\{(\w+)\}(?: AS \w+)?", stage[0][1]) for stage in built]
    assert all(base is not None and base[1] in arguments for base in bases)
    assert all(":" in base and not base.endswith(":latest") for base in arguments.values())


def test_what_runs_has_no_step_that_a_shell_does_and_no_root():
    *_, last = stages()
    words = [word for word, _ in last]
    assert all(rest.startswith("[") for word, rest in last if word == "RUN")  # the base has no shell
    assert "ADD" not in words
    values = dict(last)  # of several, the last
    assert values["USER"] == "64321:64321"
    last_user = max(place for place, word in enumerate(words) if word == "USER")
    assert last_user > max(place for place, word in enumerate(words) if word in {"COPY", "RUN"})
    assert values["WORKDIR"] == "/"  # the base's is a home that this user may not enter
    for form in ("ENTRYPOINT", "CMD"):
        assert values[form].startswith("[")  # without a shell, so that signals arrive
    copies = [rest for word, rest in last if word == "COPY"]
    owned = [rest for rest in copies if "--chown=0:0" not in rest]
    assert owned == ["--from=build --chown=64321:64321 /image/state /var/lib"]  # one empty folder
    assert "mover:x:64321:64321" in (FOLDER / "passwd").read_text()


def test_only_what_the_lock_names_is_installed():
    _, build, _ = stages()
    (script,) = [rest for word, rest in build if word == "RUN" and "pip install" in rest]
    commands = [shlex.split(part) for part in script.split("&&")]
    installs = [command for command in commands if command[1:2] == ["install"]]
    assert len(installs) == 2
    for command in installs:
        assert "--no-deps" in command
        assert "--require-hashes" in command or "--no-index" in command
    assert commands[0][:3] == ["sha256sum", "--check", "--strict"]
    (packages,) = [rest for word, rest in build if word == "RUN" and "apt-get install" in rest]
    assert "--no-install-recommends" in packages
    assert "rm -rf /var/lib/apt/lists" in packages


def test_the_composition_gives_nothing_that_is_not_needed():
    composed: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    (service,) = composed["services"].values()
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "64321:64321"
    assert service["ulimits"]["core"] == 0
    assert service["mem_limit"] == service["memswap_limit"]
    assert all("noexec" in place for place in (*service["volumes"], *service["tmpfs"]))
    assert not any(place.startswith(("/", ".")) for place in service["volumes"])
    assert service["image"].startswith("${MOVER_IMAGE:?")
    assert not any("SECRET" in name or "KEY" in name for name in service["environment"])
    compile(service["healthcheck"]["test"][3], "healthcheck", "exec")


def test_what_it_sets_are_settings_of_mover():
    composed = yaml.safe_load((FOLDER / "compose.yaml").read_text())
    (service,) = composed["services"].values()
    names = {name.removeprefix("MOVER_").lower() for name in service["environment"]} - {"settings_file"}
    assert names <= set(Settings.model_fields)
    assert ListenAt.parse(service["environment"]["MOVER_LISTEN"]) == ListenAt("", 8443)
