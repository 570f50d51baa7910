from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.accounts.attempts import Limit, address_limit
from mover.accounts.password_strength import check_guessable
from mover.accounts.passwords import Argon2Cost, Passwords
from mover.accounts.site import Site
from mover.accounts.typed import domain_name, email_address, shown_name
from mover.errors import InvalidConfiguration
from mover.mail.message import mailbox
from mover.vault.secret import Secret


@given(st.emails() | st.text(max_size=60))
def test_an_address_that_is_taken_is_spelled_one_way_and_can_be_written_to(text: str) -> None:
    try:
        spelled = email_address(text)
    except InvalidConfiguration:
        return

    assert spelled == email_address(spelled) == spelled.lower()
    assert mailbox(spelled, "x").addr_spec == spelled


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ann@Example.ORG", "ann@example.org"),
        (" ann+tag@example.org ", "ann+tag@example.org"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ],
)
def test_addresses_as_people_type_them(typed: str, kept: str) -> None:
    assert email_address(typed) == kept


@given(st.text(max_size=120))
def test_a_shown_name_is_one_printable_line(text: str) -> None:
    try:
        name = shown_name(text, "x")
    except InvalidConfiguration:
        return

    assert 1 <= len(name) <= 100
    assert len(name.splitlines()) == 1
    assert shown_name(name, "x") == name


def test_domains() -> None:
    assert domain_name("@Example.ORG") == "example.org"
    for bad in ("", "org", "a b.org", "*.example.org", "example.org/x", "." * 70):
        with pytest.raises(InvalidConfiguration):
            domain_name(bad)


@pytest.mark.parametrize(
    "weak",
    [
        "password1234",
        "P@ssw0rd12345",
        "123456789012",
        "qwertyuiop12",
        "iloveyou2024!",
        "Admin-Admin-1",
        "ann.able.2024",
        "annable-example",
        "zzzzzzzzzzzz",
        "ababababababab",
    ],
)
def test_what_everybody_would_try_first_is_refused(weak: str) -> None:
    with pytest.raises(InvalidConfiguration):
        check_guessable(weak, ["ann.able@example.org", "Ann Able", "Example"])


@pytest.mark.parametrize(
    "good",
    [
        "violet teapot gravity",
        "correct horse battery",
        "x7#kP!q2Lm9z",
        "größe über alles null",
        "пароль из слов",
    ],
)
def test_anything_else_will_do_without_rules_about_characters(good: str) -> None:
    check_guessable(good, ["ann.able@example.org", "Ann Able", "Example"])


def test_length_counts_in_characters() -> None:
    passwords = Passwords(Argon2Cost(memory_kib=8, passes=1, lanes=1))

    passwords.check(Secret("пароль из сл"))
    for bad in ("пароль из", "violet teap", "x" * 20 + "abcdefghijk" * 30):
        with pytest.raises(InvalidConfiguration, match="characters"):
            passwords.check(Secret(bad))


def test_made_up_passwords_are_good_enough_and_never_the_same() -> None:
    passwords = Passwords()

    made = [passwords.make() for _ in range(50)]

    for one in made:
        passwords.check(one)
    assert len({one.reveal() for one in made}) == 50


async def test_a_password_is_the_same_however_the_keyboard_composes_it() -> None:
    passwords = Passwords(Argon2Cost(memory_kib=8, passes=1, lanes=1))
    stored = await passwords.hash(Secret("gr\u00f6\u00dfe \u00fcber alles"))

    assert await passwords.verify(Secret("gro\u0308\u00dfe u\u0308ber alles"), stored)
    assert not await passwords.verify(Secret("grosse uber alles"), stored)
    assert not await passwords.verify(Secret("x"), "no hash at all")


def test_the_parameters_are_those_of_rfc_9106() -> None:
    cost = Argon2Cost()

    assert (cost.memory_kib, cost.passes, cost.lanes) == (65536, 3, 4)


@given(st.integers(0, 30), st.integers(0, 200))
def test_waits_grow_and_end_at_the_longest(free: int, failures: int) -> None:
    limit = Limit("x", free=free)
    wait, next_wait = limit.wait_ns(failures), limit.wait_ns(failures + 1)

    assert 0 <= wait <= next_wait <= 900 * 10**9
    assert (wait == 0) == (failures < free)


@given(st.ip_addresses(v=6))
def test_one_customer_has_one_counter(address) -> None:
    neighbour = str(type(address)((int(address) >> 64 << 64) | 1))
    if address.ipv4_mapped is None and type(address)(neighbour).ipv4_mapped is None:
        assert address_limit("a", str(address), free=1) == address_limit("a", neighbour, free=1)


def test_an_ipv4_address_counts_as_itself_however_it_is_spelled() -> None:
    assert address_limit("a", "::ffff:192.0.2.1", free=1) == address_limit("a", "192.0.2.1", free=1)
    assert address_limit("a", "rubbish", free=1).key == "a:unknown"


@pytest.mark.parametrize(
    ("url", "origin", "host"),
    [
        ("https://Mover.Example.org", "https://mover.example.org", "mover.example.org"),
        ("https://mover.example.org:443", "https://mover.example.org", "mover.example.org"),
        ("https://localhost:8443", "https://localhost:8443", "localhost"),
        ("http://localhost:8080", "http://localhost:8080", "localhost"),
    ],
)
def test_the_origin_is_spelled_as_browsers_do(url: str, origin: str, host: str) -> None:
    site = Site(url)

    assert (site.origin, site.host) == (origin, host)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mover.example.org",
        "http://mover.example.org",
        "https://h/",
        "https://h/x",
        "https://u@h",
        "https://h:x",
        "https://h?x",
    ],
)
def test_what_cannot_be_a_public_address(url: str) -> None:
    with pytest.raises(InvalidConfiguration):
        Site(url)
