from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Connect = Callable[[str, dict[str, Any]], str]


@pytest.fixture
def connect(mover_home: Path) -> Connect:
    """Write a connection into the database as it stands there, whoever wrote it."""

    def connect(service: str, config: dict[str, Any]) -> str:
        with sqlite3.connect(mover_home / "mover.db") as database:
            (number,) = database.execute("SELECT count(*) FROM connections").fetchone()
            id_ = f"{number:032x}"
            database.execute(
                "INSERT INTO connections (id, person, name, service, config, created_ns) VALUES (?, 'local', ?, ?, ?, 1)",
                (id_, f"c{number}", service, json.dumps(config)),
            )
        return id_

    return connect
