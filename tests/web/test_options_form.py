from __future__ import annotations

import pytest

from mover.errors import InvalidConfiguration
from mover.migrations.options import PairOptions, effective
from mover.web.forms import Form
from mover.web.options_form import blame_options, options_values, read_options, shown_options

CHOSEN = PairOptions(exclude=("*.tmp", "cache/"), versions=5, full=True, bandwidth="2M")


def test_what_was_saved_is_what_the_form_shows_and_reads_again() -> None:
    assert read_options(Form(values=options_values(CHOSEN))) == CHOSEN
    assert read_options(Form(values=options_values(PairOptions()))) == PairOptions()


def test_choices_are_shown_in_words() -> None:
    assert dict(shown_options(CHOSEN)) == {
        "All but these": "*.tmp, cache/",
        "Earlier versions": "5",
        "Speed limit": "2M",
        "On each run": "Look at everything",
    }


def test_a_pair_can_be_as_usual_where_its_migration_is_not() -> None:
    migration = read_options(Form(values={"full": "full", "conflict": "overwrite", "verify": "size"}))
    usual = {"full": "changed", "conflict": "report", "verify": "auto"}
    for values in (usual, dict.fromkeys(usual, "")):
        pair = read_options(Form(values=values))
        assert {name: options_values(pair)[name] for name in usual} == values
        chosen = effective(migration, pair)
        expected = (False, "report", "auto") if values is usual else (True, "overwrite", "size")
        assert (chosen.full, chosen.conflict, chosen.verify) == expected


def test_an_archive_is_saved_shown_and_refused_with_what_makes_no_sense() -> None:
    for chosen in (PairOptions(archive=True), PairOptions(archive=False)):
        assert read_options(Form(values=options_values(chosen))) == chosen
    assert dict(shown_options(PairOptions(archive=True))) == {
        "Form at the destination": "A new ZIP archive on each run"
    }
    form = Form(values={"archive": "archive", "versions": "3"})
    with pytest.raises(InvalidConfiguration, match="versions") as caught:
        read_options(form)
    blame_options(form, caught.value)
    assert set(form.faults) == {"archive"}


@pytest.mark.parametrize("text", ["-1", "many", "501", "1.5", "9" * 5000, "\u0665"])
def test_a_number_of_versions_that_is_none_is_said_beside_its_field(text: str) -> None:
    form = Form(values={"versions": text})

    with pytest.raises(InvalidConfiguration) as caught:
        read_options(form)
    blame_options(form, caught.value)

    assert form.faults == {"versions": "Earlier versions: a number from 0 to 500."}


KEY = "age1g4gegvpwsrfcze5ctzz3nym32lfwz92weaslezaesgks543nw3hqwe2qfv"
SEALED = PairOptions(seal_to=(KEY,), seal_names=True)


@pytest.mark.promise("P11")
def test_sealing_is_saved_shown_and_read_again() -> None:
    off = PairOptions(seal_to=(), crypt_to=False)
    for chosen in (SEALED, off, PairOptions(seal_to=(KEY,), seal_names=False)):
        assert read_options(Form(values=options_values(chosen))) == chosen
    assert dict(shown_options(SEALED)) == {"Encryption of your own": "Sealed for one public key, names too"}
    assert dict(shown_options(PairOptions(seal_to=()))) == {"Encryption of your own": "Off"}


@pytest.mark.promise("P11")
def test_what_opens_files_is_chosen_without_any_secret() -> None:
    for chosen in (
        PairOptions(open_with=True),
        PairOptions(crypt_from=True, crypt_to=True),
        PairOptions(open_with=True, seal_to=(KEY,)),
        PairOptions(open_with=False, crypt_from=False),
    ):
        assert read_options(Form(values=options_values(chosen))) == chosen
    words = " ".join(text for _, text in shown_options(PairOptions(crypt_from=True, crypt_to=True)))
    assert words.count("given for each run") == 2
    migration = PairOptions(seal_to=(KEY,), seal_names=True, crypt_from=True)
    pair = effective(migration, PairOptions(crypt_to=True, open_with=True))
    assert (pair.seal_to, pair.crypt_from) == (None, None), "one of the pair's ends the migration's other one"


@pytest.mark.promise("P11")
@pytest.mark.parametrize(
    ("given", "why"),
    [
        ("", "no public key to seal for"),
        ("age1nonsense", "age1nonsense"),
        ("AGE-SECRET-KEY-1ABCDEF", "private key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nABCDEF\n-----END", "private key"),
    ],
)
def test_a_key_that_is_none_is_said_beside_its_field_and_a_private_one_not_shown_again(
    given: str, why: str
) -> None:
    form = Form(values={"seal": "keys", "seal_to": given})

    with pytest.raises(InvalidConfiguration) as caught:
        read_options(form)
    blame_options(form, caught.value)

    assert why in form.faults["seal_to"]
    assert "ABCDEF" not in str(form.faults) + str(form.values)
