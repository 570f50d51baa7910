"""`docs/privacy.md` lists every column that there is, and exports know of every table."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from pathlib import Path
from pkgutil import walk_packages

import pytest

import mover
from mover.database.base import metadata
from mover.privacy.sections import NOBODYS, ORGANISATION, PERSON, SECRETS
from mover.retention import Retention

pytestmark = pytest.mark.promise("privacy")

PAGE = Path(__file__).parents[2] / "docs" / "privacy.md"
OF_PEOPLE = {"person_id", "email", "invited_by", "actor_name", "started_by"}
"""Columns that name a person: rows that have one are somebody's, and are exported to them."""
NOT_THEIRS = {"audit_forgetting", "staff_people", "staff_approvals", "staff_requests"}
"""Names of people who are gone; and the staff, who are no people of any organisation, with what they decide."""


@pytest.fixture(scope="module", autouse=True)
def every_table() -> None:
    for module in walk_packages(mover.__path__, "mover."):
        if module.name.endswith(".tables"):
            importlib.import_module(module.name)


def listed() -> dict[str, list[tuple[str, str, str]]]:
    """Of each table its columns, with what they are and whether they are personal."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for part in re.split(r"^#### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        name = part.partition("\n")[0].strip("`")
        assert name not in found, f"{name} is there twice"
        rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| ([^|]+) \|$", part, flags=re.MULTILINE)
        found[name] = [
            (one, what, personal) for names, what, personal in rows for one in re.findall(r"`(\w+)`", names)
        ]
    return found


def test_every_column_is_listed_once_and_no_other() -> None:
    schema = {(table.name, column.name): 1 for table in metadata.sorted_tables for column in table.columns}
    told = Counter((table, column) for table, rows in listed().items() for column, _, _ in rows)

    assert set(schema) - set(told) == set(), "not in docs/privacy.md"
    assert set(told) - set(schema) == set(), "there is no such column any more"
    assert [one for one, count in told.items() if count > 1] == []


def test_of_every_table_it_says_what_for_how_long_and_who_reads() -> None:
    for part in re.split(r"^#### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        said = part.partition("\n\n")[2].partition("\n\n")[0]
        assert re.fullmatch(
            r"(?s).{10,}\. \*\*Kept\*\* .{3,}\. \*\*Read by\*\* .{3,}\.|.{10,}\*\*Kept\*\* .+", said
        ), part[:40]
        assert "**Read by**" in said, part[:40]


def test_of_every_column_it_says_whether_it_is_personal() -> None:
    kinds = {personal.split(",")[0].split(";")[0] for rows in listed().values() for _, _, personal in rows}

    assert kinds == {"yes", "no", "pseudonym", "can be"}


def test_what_names_a_person_is_listed_as_personal() -> None:
    named = OF_PEOPLE | {"address", "last_used_address", "device", "identity", "password_hash"}
    wrong = [
        (table, column)
        for table, rows in listed().items()
        for column, _, personal in rows
        if column in named and personal == "no"
    ]

    assert wrong == []


def test_every_table_is_exported_or_has_a_reason_why_not() -> None:
    exported = {section.table.name for section in (*PERSON, *ORGANISATION)}
    tables = {table.name for table in metadata.sorted_tables}

    assert exported & set(NOBODYS) == set()
    assert tables - exported - set(NOBODYS) == set(), "say in privacy/sections.py whose rows these are"
    assert set(NOBODYS) - tables == set()


def test_every_table_that_names_people_is_in_the_export_of_a_person() -> None:
    theirs = {section.table.name for section in PERSON}
    naming = {
        table.name
        for table in metadata.sorted_tables
        if OF_PEOPLE & {column.name for column in table.columns}
    }

    assert naming - theirs - NOT_THEIRS == set()


def test_every_column_that_opens_something_is_left_out() -> None:
    suspicious = re.compile(r"hash$|token|secret|sealed|wrapped|salt|claim$")
    harmless = {"hash", "cut_hash", "content_hash"}
    columns = {
        column.name
        for section in (*PERSON, *ORGANISATION)
        for column in section.table.columns
        if suspicious.search(column.name)
    }

    assert columns - SECRETS - harmless == set()


def test_every_time_that_the_operator_decides_is_told_with_its_default() -> None:
    page = PAGE.read_text()

    for name, field in Retention.model_fields.items():
        assert f"\n{name} = {field.default} " in page
