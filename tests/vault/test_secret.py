from __future__ import annotations

import copy
import json
import logging
import pickle
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from mover.vault.secret import Secret

pytestmark = pytest.mark.promise("P5")

CANARY = "canary-5f3a"


class Filled(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    password: Secret
    token: Secret | None = None


@pytest.mark.parametrize(
    "show", [repr, str, "{}".format, "{!r:>40}".format, "{:>40}".format, lambda s: f"{s} {[s]}"]
)
def test_no_way_of_printing_shows_the_text(show) -> None:
    assert CANARY not in show(Secret(CANARY))


@pytest.mark.parametrize(
    "carry",
    [
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
        json.dumps,
        msgspec.json.encode,
        msgspec.to_builtins,
        vars,
        hash,
    ],
)
def test_no_way_of_carrying_it_off_works(carry) -> None:
    with pytest.raises(TypeError):
        carry(Secret(CANARY))


def test_a_log_line_does_not_show_the_text(caplog) -> None:
    logging.getLogger("x").warning("signing in with %s %r", Secret(CANARY), {"password": Secret(CANARY)})

    assert CANARY not in caplog.text


def test_a_traceback_with_local_variables_does_not_show_the_text() -> None:
    def sign_in(secret: Secret) -> None:
        raise ValueError(secret)

    with pytest.raises(ValueError) as caught:
        sign_in(Secret(CANARY))

    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "secret = Secret(…)" in shown
    assert CANARY not in shown


def test_a_model_takes_text_and_never_dumps_it() -> None:
    model = Filled(password=CANARY)

    assert model.password.reveal() == CANARY
    assert CANARY not in repr(model) + str(model.model_dump()) + model.model_dump_json()


def test_a_model_refuses_what_is_not_text_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as caught:
        Filled(password=[CANARY], token=Secret(CANARY))

    assert CANARY not in str(caught.value)


@given(st.text(alphabet=st.characters()), st.text(alphabet=st.characters()))
def test_two_are_equal_exactly_when_their_texts_are(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) == Secret(one)
    assert Secret(one) != one


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
    assert Secret("0")
