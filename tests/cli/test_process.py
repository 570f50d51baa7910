from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import typer.main
from typer.core import TyperGroup

from mover.cli.subjects import SUBJECTS

pytestmark = pytest.mark.slow

NOT_FOR_HELP = ("asyncio", "msgspec", "pydantic", "rich", "ssl", "logging")

HEAVY = (
    *("sqlalchemy", "structlog", "aiohttp", "cryptography", "asyncssh", "lxml", "awscrt"),
    *(
        "fastapi",
        "starlette",
        "uvicorn",
        "temporalio",
        "authlib",
        "psycopg",
        "webauthn",
        "argon2",
        "croniter",
    ),
    *("opentelemetry", "prometheus_client", "jinja2"),
)


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    ).stdout


@pytest.mark.promise("isolation")
def test_no_core_dump_and_no_look_into_memory():
    code = (
        "import ctypes, resource; from mover.cli.process import harden; harden();"
        "print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    )
    assert run_python(code) == "(0, 0) 0\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--version"],
        ["--help"],
        ["copy", "--help"],
        ["serve", "--help"],
        ["remote", "--help"],
        ["--server", "https://localhost", "start", "--help"],
        ["profile", "list"],
    ],
)
def test_nothing_heavy_is_loaded_to_answer_quickly(arguments):
    code = (
        "import sys; from mover.cli.main import run_command_line;"
        f"run_command_line({arguments!r}); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    assert run_python(code).splitlines()[-1] == "[]"


def test_the_version_is_told_without_loading_what_commands_work_with():
    code = (
        "import sys; from mover.cli.main import run_command_line; run_command_line(['--version']);"
        f"print([name for name in {NOT_FOR_HELP!r} if name in sys.modules],"
        "[name for name in sys.modules if name.startswith('mover.cli.') and name.endswith('_commands')])"
    )
    assert run_python(code).splitlines()[-1] == "[] []"


def test_only_the_commands_of_the_subject_that_is_named_are_made():
    code = (
        "import sys; from mover.cli.main import run_command_line; run_command_line(['keys', '--help']);"
        "print([name for name in sys.modules if name.startswith('mover.cli.') and name.endswith('_commands')])"
    )
    assert run_python(code).splitlines()[-1] == "['mover.cli.key_commands']"


def test_each_subject_has_the_commands_that_it_is_looked_up_by():
    for module, commands in SUBJECTS.items():
        app = typer.Typer()
        importlib.import_module(f"mover.cli.{module}").add_to(app)
        found = typer.main.get_command(app)
        assert isinstance(found, TyperGroup)
        assert sorted(found.commands) == sorted(commands)


@pytest.mark.slow
def test_looking_back_loads_no_connector_and_no_http(tmp_path, monkeypatch):
    monkeypatch.setenv("MOVER_HOME", str(tmp_path))
    code = (
        "import sys; from mover.cli.main import run_command_line;"
        "run_command_line(['runs']); print([name for name in ('aiohttp', 'asyncssh', 'lxml', 'psycopg') if name in sys.modules])"
    )
    assert run_python(code).splitlines()[-1] == "[]"


@pytest.mark.slow
def test_few_data_classes_are_made_for_a_copy(tmp_path, monkeypatch, tree):
    # Each takes as long to make as forty structs do, and there were eighty.
    monkeypatch.setenv("MOVER_HOME", str(tmp_path / "state"))
    command = ["copy", str(tree), str(tmp_path / "copy"), "--json"]
    code = (
        f"from mover.cli.main import run_command_line; run_command_line({command!r}); import sys;"
        "print(sum('__dataclass_fields__' in vars(found) for name, module in list(sys.modules.items())"
        " if name.startswith('mover') for found in vars(module).values()"
        " if isinstance(found, type) and found.__module__ == name))"
    )
    assert int(run_python(code).splitlines()[-1]) <= 30


@pytest.mark.slow
def test_a_copy_with_nothing_to_do_loads_only_what_it_needs(tmp_path, monkeypatch, tree):
    monkeypatch.setenv("MOVER_HOME", str(tmp_path / "state"))
    command = ["copy", str(tree), str(tmp_path / "copy"), "--json"]
    code = f"from mover.cli.main import run_command_line; run_command_line({command!r})"
    run_python(code)
    unused = (
        "rich",
        "dotenv",
        "aiohttp",
        "alembic",
        "asyncssh",
        "awscrt",
        "lxml",
        "psycopg",
        "structlog",
        "fastapi",
        "temporalio",
        "uvicorn",
        "psycopg",
    )
    again = (
        "import sys; from mover.cli.process import load_only_our_own; load_only_our_own();"
        f"{code}; print([name for name in {unused!r} if name in sys.modules])"
    )
    assert run_python(again).splitlines()[-1] == "[]"


def test_names_can_be_printed_whatever_the_encoding(start, tmp_path):
    (tmp_path / "déjà vu 文").touch()
    process = start("ls", ".", PYTHONIOENCODING="ascii")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "\\u6587" in out
