"""Digest answers against the examples of RFC 7616 and RFC 2617, and the reading of challenges."""

from __future__ import annotations

import hashlib

import pytest

from mover.connectors.webdav.authentication import PasswordSignIn
from mover.connectors.webdav.challenges import read_challenges
from mover.connectors.webdav.config import SignIn
from mover.connectors.webdav.digest import Digest
from mover.vault.secret import Secret

RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
PASSWORD = "Circle of Life"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def digest(username: str = "Mufasa", password: str = PASSWORD, cnonce: str = CNONCE) -> Digest:
    return Digest(username, Secret(password), nonce_source=lambda: cnonce)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    answers = digest()
    assert answers.learn(read_challenges(RFC_7616.format(algorithm)), sent=None)
    header = answers.header("GET", "/dir/index.html")
    assert f'response="{response}"' in header
    assert "nc=00000001" in header
    assert f"algorithm={algorithm}" in header


def test_stronger_algorithm_is_preferred() -> None:
    answers = digest()
    offered = f"{RFC_7616.format('MD5')}, {RFC_7616.format('SHA-256')}"
    assert answers.learn(read_challenges(offered), sent=None)
    assert "algorithm=SHA-256" in answers.header("GET", "/")


def test_session_algorithm_hashes_the_nonces_in() -> None:
    answers = digest("a", "p", "c")
    answers.learn(read_challenges('Digest realm="r", nonce="n", qop="auth", algorithm=MD5-sess'), sent=None)

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret = md5(md5("a:r:p") + ":n:c")
    response = md5(f"{secret}:n:00000001:c:auth:" + md5("GET:/"))
    assert f'response="{response}"' in answers.header("GET", "/")


def test_server_without_qop_gets_the_answer_of_rfc_2069() -> None:
    answers = digest("Mufasa", "CircleOfLife")
    answers.learn(
        read_challenges('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'),
        sent=None,
    )
    header = answers.header("GET", "/dir/index.html")
    assert 'response="1949323746fe6a43ef61f9606e7febea"' in header  # RFC 2069's, as corrected by its errata
    assert "nc=" not in header


def test_quotes_in_names_are_escaped() -> None:
    answers = digest('a"b\\c', "p")
    answers.learn(read_challenges('Digest realm="say \\"r\\"", nonce="n", qop="auth"'), sent=None)
    header = answers.header("GET", "/")
    assert r'username="a\"b\\c"' in header
    assert r'realm="say \"r\""' in header


def test_name_in_other_letters_goes_in_the_extended_form_with_the_newer_algorithm() -> None:
    answers = digest("jäsøn", "p")
    answers.learn(read_challenges('Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256'), sent=None)
    assert "username*=UTF-8''j%C3%A4s%C3%B8n" in answers.header("GET", "/")


def test_hashed_user_name_is_sent_where_it_is_wanted() -> None:
    answers = digest("Mufasa")
    answers.learn(read_challenges('Digest realm="r", nonce="n", qop="auth", userhash=true'), sent=None)
    header = answers.header("GET", "/")
    assert "Mufasa" not in header
    assert "userhash=true" in header


def test_wrong_password_is_not_tried_twice_and_a_stale_nonce_is() -> None:
    challenge = 'Digest realm="r", nonce="{}", qop="auth"{}'
    answers = digest()
    assert answers.learn(read_challenges(challenge.format("one", "")), sent=None)
    sent = answers.header("GET", "/")
    assert not answers.learn(read_challenges(challenge.format("two", "")), sent=sent)
    sent = answers.header("GET", "/")
    assert answers.learn(read_challenges(challenge.format("three", ", stale=TRUE")), sent=sent)


def test_nonce_that_was_good_and_is_refused_is_taken_for_stale() -> None:
    challenge = 'Digest realm="r", nonce="{}", qop="auth"'
    answers = digest()
    answers.learn(read_challenges(challenge.format("one")), sent=None)
    sent = answers.header("GET", "/")
    answers.accepted()
    assert answers.learn(read_challenges(challenge.format("two")), sent=sent)


def test_old_nonce_is_not_risked_on_a_body() -> None:
    moments = [0.0]
    answers = Digest("a", Secret("p"), now=lambda: moments[0])
    answers.learn(read_challenges('Digest realm="r", nonce="n", qop="auth"'), sent=None)
    assert not answers.may_be_stale
    moments[0] = 61
    assert answers.may_be_stale


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ('Basic realm="x"', ["basic"]),
        ('Basic realm="a, Digest b", Digest realm="r", nonce="n"', ["basic", "digest"]),
        ("Negotiate, NTLM, Basic realm=x", ["negotiate", "ntlm", "basic"]),
        ('Negotiate abc==, Basic realm="x"', ["negotiate", "basic"]),
        ("BASIC realm=x", ["basic"]),
        (", ,Basic", ["basic"]),
        ("", []),
        ("%%%" * 1000, []),
        ('Basic realm="unclosed', ["basic"]),
        ("Basic " + "a=b," * 100_000, ["basic"]),
    ],
)
def test_challenges_are_read_in_every_form(header: str, schemes: list[str]) -> None:
    assert [challenge.scheme for challenge in read_challenges(header)][: len(schemes)] == schemes


def test_basic_is_utf_8_and_prepared_without_a_question_when_asked_for() -> None:
    sign_in = PasswordSignIn("ä", Secret("ö:ü"), how=SignIn.BASIC, secure=True)
    assert sign_in.header("GET", "/") == "Basic w6Q6w7Y6w7w="


def test_over_tls_basic_is_preferred_and_a_later_digest_only_answer_changes_that() -> None:
    sign_in = PasswordSignIn("a", Secret("p"), how=SignIn.AUTO, secure=True)
    assert sign_in.header("GET", "/") is None
    both = {"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth", Basic realm="r"'}
    assert sign_in.learn(both, None)
    sent = sign_in.header("GET", "/")
    assert sent is not None
    assert sent.startswith("Basic ")
    assert sign_in.learn({"WWW-Authenticate": 'Digest realm="r", nonce="n", qop="auth"'}, sent)
    assert (sign_in.header("GET", "/") or "").startswith("Digest ")
