from __future__ import annotations

import pytest

from mover.errors import InvalidConfiguration
from mover.settings import Settings
from mover.settings.environment import from_environment, over

KNOWN = {"home", "retention"}


def read(**variables: str) -> dict[str, object]:
    return from_environment(variables, "MOVER_", KNOWN, {"retention"})


def test_only_what_is_set_and_known_counts_in_upper_or_lower_case():
    assert read(MOVER_HOME="/a", MOVER_SERVER="x", HOME="/b", MOVER_RETENTION="") == {"home": "/a"}
    assert read(mover_home="/a") == {"home": "/a"}


def test_a_table_is_read_from_json_and_from_variables_of_its_own_which_win():
    assert read(MOVER_RETENTION__A="1", MOVER_RETENTION='{"a": 2, "b": 3}') == {
        "retention": {"a": "1", "b": 3}
    }
    assert read(MOVER_RETENTION__A__B="1", MOVER_RETENTION__A__C="2") == {
        "retention": {"a": {"b": "1", "c": "2"}}
    }


def test_what_is_no_table_has_nothing_within():
    assert read(MOVER_HOME__A="1") == {}


def test_tables_are_put_together_and_all_else_is_replaced():
    assert over({"a": {"x": 1, "y": 2}, "b": {"x": 1}}, {"a": {"y": 3}, "b": 4}) == {
        "a": {"x": 1, "y": 3},
        "b": 4,
    }


@pytest.mark.parametrize("value", ["{", "[" * 100_000, "ninety"])
def test_a_table_that_is_no_json_is_refused_by_its_name(monkeypatch, value):
    monkeypatch.setenv("MOVER_RETENTION", value)
    with pytest.raises(InvalidConfiguration, match=r"^MOVER_RETENTION: ") as caught:
        Settings()
    assert value not in str(caught.value)


def test_variables_win_over_the_file_within_a_table_too(monkeypatch, tmp_path):
    (tmp_path / "mine.toml").write_text("[retention]\naudit_days = 40\nnotices_days = 41\n")
    monkeypatch.setenv("MOVER_SETTINGS_FILE", str(tmp_path / "mine.toml"))
    monkeypatch.setenv("MOVER_RETENTION__AUDIT_DAYS", "50")
    retention = Settings().retention
    assert (retention.audit_days, retention.notices_days) == (50, 41)
