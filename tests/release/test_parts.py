"""Licences and bill of materials of what is installed with Mover."""

from __future__ import annotations

import datetime as dt
import json
import tomllib
from email.message import Message
from typing import Any, cast

import pytest
from release.dependencies import ROOT, Dependency, dependencies
from release.licences import ALLOWED, LISTED, NotAllowed, checked, licence_of, listed, vendored
from release.sbom import bill, problem_of

pytestmark = pytest.mark.promise("supply-chain")

MADE = dt.datetime(2026, 5, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return bill(MADE)


def named(name: str, **fields: str) -> Dependency:
    metadata = Message()
    for field, value in fields.items():
        metadata[field.replace("_", "-")] = value
    return Dependency(name, "1", cast("Any", metadata))


def test_every_licence_is_allowed_and_the_list_of_the_credits_page_is_up_to_date():
    assert LISTED.read_text() == listed(dependencies())


@pytest.mark.parametrize("expression", ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND GPL-2.0-only", "Fair"])
def test_a_licence_that_nobody_has_read_is_refused(expression):
    with pytest.raises(NotAllowed, match="some"):
        checked(expression, "some")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License_Expression": "MIT"}, "MIT"),
        ({"License": "Apache 2.0"}, "Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"License_Expression": "EPL-2.0 OR GPL-2.0-or-later"}, "EPL-2.0 OR GPL-2.0-or-later"),
    ],
)
def test_a_licence_is_read_wherever_it_stands(fields, expected):
    assert licence_of(named("some", **fields)) == expected


@pytest.mark.parametrize("fields", [{}, {"License": "ask me"}, {"Classifier": "Topic :: Internet"}])
def test_one_that_says_nothing_is_not_guessed(fields):
    with pytest.raises(NotAllowed):
        licence_of(named("some", **fields))


def test_the_bill_follows_the_schema_of_cyclonedx_and_a_wrong_one_is_found(document):
    assert problem_of(json.dumps(document)) is None
    assert problem_of(json.dumps({**document, "components": [{"name": "x"}]})) is not None


def test_the_bill_has_every_locked_part_with_version_hash_and_licence(document):
    components = {each["name"]: each for each in document["components"]}
    assert set(components) == {each.name for each in dependencies()} | {each.name for each in vendored()}
    for dependency in dependencies():
        component = components[dependency.name]
        assert component["version"] == dependency.version
        assert component["licenses"]
        files = [each for each in component["externalReferences"] if each["type"] == "distribution"]
        assert files
        assert all(each["hashes"][0]["alg"] == "SHA-256" for each in files)


def test_the_bill_names_what_the_project_itself_asks_for(document):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {name.split(">=")[0].split("[")[0] for name in project["dependencies"]}
    assert asked <= {each["name"] for each in document["components"]}
    direct = next(each for each in document["dependencies"] if each["ref"].startswith("mover-"))
    assert len(direct["dependsOn"]) >= len(asked)


def test_the_same_lock_gives_the_same_bill(document):
    assert bill(MADE) == document


def test_every_allowed_licence_says_why():
    assert all(reason for reason in ALLOWED.values())
