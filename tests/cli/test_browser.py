"""`mover connect` with a browser: the way back to the command, and what else knocks there."""

from __future__ import annotations

import http.client
import re
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import typer
from tests.servers.oauth import CLIENT_ID, CLIENT_SECRET, PEOPLE, AuthorizationServer, authorization_server

from mover.cli import loopback
from mover.cli.browser import pasted
from mover.connectors import registry
from mover.errors import InvalidConfiguration
from mover.transport.oauth.proofs import Proofs
from mover.vault.secret import Secret

Visit = Callable[[str], None]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[AuthorizationServer]:
    with authorization_server(tmp_path / "certificates") as running:
        yield running


@pytest.fixture
def acme(
    home: Path,  # noqa: ARG001 - clears the environment first
    server: AuthorizationServer,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """A service that can be connected; returns its address as a key."""
    monkeypatch.setitem(registry._MODULES, "acme", "tests.servers.acme")
    monkeypatch.setenv("MOVER_CA_FILE", str(server.ca_file))
    monkeypatch.setenv("MOVER_ALLOW_PRIVATE_ADDRESSES", "true")
    monkeypatch.setenv("MOVER_BOX_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("MOVER_BOX_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("BROWSER", "a browser")
    return f"url={server.url}"


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Visit], None]]:
    """Makes a function the browser; it works in a thread, beside the command."""
    threads: list[threading.Thread] = []

    def use(visit: Visit) -> None:
        def opened(address: str) -> bool:
            threads.append(threading.Thread(target=visit, args=(address,)))
            threads[-1].start()
            return True

        monkeypatch.setattr(webbrowser, "open", opened)

    yield use
    for thread in threads:
        thread.join()


def get(address: str, *, host: str | None = None, method: str = "GET") -> tuple[int, str]:
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=20)
    headers = {"Host": host} if host else {}
    connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def agree(server: AuthorizationServer, address: str, email: str = PEOPLE[0]) -> None:
    get(server.agree(address, email))


def test_a_browser_signs_in_and_the_connection_is_saved(mover, acme, server, browser):
    pages: list[tuple[int, str]] = []
    browser(lambda address: pages.append(get(server.agree(address))))

    said = mover("connect", "acme", "work", acme)

    assert (said.code, said.out) == (0, "work is connected: ann@example.org at Acme\n")
    assert f"{server.url}/authorize?" in said.err
    assert pages[0][0] == 200
    assert "Back to the terminal" in pages[0][1]
    (form,) = server.forms
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", form["redirect_uri"])
    (saved,) = mover("connections", "--json").json
    assert saved["config"] == {"url": server.url, "account": "ann@example.org"}
    for secret in server.tokens:
        assert secret not in said.out + said.err

    said = mover("disconnect", "work")
    assert "Acme has withdrawn Mover's access" in said.out
    assert len(server.revocations) == 1


def test_nothing_but_the_answer_that_is_waited_for_is_taken(mover, acme, server, browser):
    seen: list[int] = []

    def visit(address: str) -> None:
        back = server.agree(address)
        bare = back.partition("?")[0]
        port = urlsplit(back).port
        seen.extend(
            get(*arguments, **more)[0]
            for arguments, more in (
                ((f"{bare}?code=evil&state=wrong",), {}),
                ((f"{bare}?code=evil",), {}),
                ((f"{bare}favicon.ico",), {}),
                ((back,), {"host": f"evil.example:{port}"}),
                ((back,), {"method": "POST"}),
                ((f"{bare}?" + "&".join("a=1" for _ in range(99)),), {}),
                ((back,), {}),
            )
        )

    browser(visit)
    assert mover("connect", "acme", "work", acme).code == 0
    assert seen == [400, 400, 404, 404, 404, 400, 200]


def test_a_person_who_says_no_is_told_what_to_do(mover, acme, browser):
    def refuse(address: str) -> None:
        asked = dict(pair.split("=", 1) for pair in urlsplit(address).query.split("&"))
        state, back = asked["state"], asked["redirect_uri"].replace("%3A", ":").replace("%2F", "/")
        get(f"{back}?error=access_denied&error_description=Not+today&state={state}")

    browser(refuse)
    said = mover("connect", "acme", "work", acme)
    assert said.code == 2
    assert "access_denied: Not today" in said.err
    assert mover("connections", "--json").json == []


def test_the_wrong_account_is_not_saved(mover, acme, server, browser):
    browser(lambda address: agree(server, address, PEOPLE[1]))
    said = mover("connect", "acme", "work", acme, "allowed_domain=example.org")
    assert said.code == 2
    assert "ben@elsewhere.example is not an account of example.org" in said.err
    assert mover("connections", "--json").json == []


def test_nobody_signs_in_in_time(mover, acme, browser, monkeypatch):
    monkeypatch.setattr(loopback.Loopback.answer, "__kwdefaults__", {"patience_s": 0.1})
    browser(lambda _: None)
    said = mover("connect", "acme", "work", acme)
    assert said.code != 0
    assert "nobody signed in" in said.err


def test_signing_in_anew_keeps_the_connection(mover, acme, server, browser):
    browser(lambda address: agree(server, address))
    mover("connect", "acme", "work", acme)
    before = mover("connections", "--json").json[0]["id"]
    server.expire("access")
    server.expire("refresh")
    assert mover("connect", "acme", "work", acme).code == 2
    assert mover("connect", "acme", "work", acme, "--replace").code == 0
    assert mover("connections", "--json").json[0]["id"] == before


@pytest.mark.parametrize("whole", [True, False])
def test_without_a_browser_the_address_or_the_code_is_pasted(mover, acme, server, monkeypatch, capsys, whole):
    def prompt(*_: object, **__: object) -> str:
        address = re.search(rf"{server.url}/authorize\S+", capsys.readouterr().err)
        assert address is not None
        back = server.agree(address[0])
        return str(back) if whole else str(dict(parse_qsl(urlsplit(back).query))["code"])

    monkeypatch.setattr(typer, "prompt", prompt)
    said = mover("connect", "acme", "work", acme, "--no-browser")
    assert (said.code, said.out) == (0, "work is connected: ann@example.org at Acme\n")


@pytest.mark.parametrize("text", ["", " ", "https://example.org/", "two words", "é", "https://[bad"])
def test_what_is_pasted_is_looked_at(text: str):
    with pytest.raises(InvalidConfiguration):
        pasted(text, Proofs.of(Secret("t"), "connection"))


def test_without_a_registered_app_it_is_said_what_to_do(mover, acme, monkeypatch):
    monkeypatch.delenv("MOVER_BOX_CLIENT_ID")
    monkeypatch.delenv("MOVER_BOX_CLIENT_SECRET")
    said = mover("connect", "acme", "work", acme)
    assert said.code == 2
    assert "MOVER_BOX_CLIENT_ID" in said.err


def test_a_developers_token_needs_no_browser(mover, acme, server, monkeypatch):
    monkeypatch.setenv("TOKEN", server.consent()["access_token"])
    assert mover("connect", "acme", "work", acme, "access_token=@env:TOKEN").code == 0
    assert "mover connect acme NAME url=..." in mover("connect", "acme").out
    assert "with a browser" in mover("connect", "acme").out
