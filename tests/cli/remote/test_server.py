from __future__ import annotations

import asyncio
import json
import random
from contextlib import asynccontextmanager
from typing import Any

import pytest
from multidict import CIMultiDict

from mover.cli.remote.answers import Pair, Run
from mover.cli.remote.choice import ServerChoice
from mover.cli.remote.refusals import refusal
from mover.cli.remote.server import Server
from mover.errors import (
    MoverError,
    ProtocolViolation,
    Reason,
    ServiceFault,
    SignInFailed,
    Throttled,
    TimedOut,
    Unreachable,
)
from mover.transport.retries import RetryPolicy
from mover.vault.secret import Secret

PROBLEM = {"Content-Type": "application/problem+json"}


class StandIn:
    """Answers in place of a server: one prepared answer, or failure, for each request."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []

    @asynccontextmanager
    async def request(self, method, url, *, headers, body=None, path=""):  # noqa: ARG002 - as `HttpSession`
        self.requests.append((method, url, headers, body))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield answer


class Answer:
    def __init__(self, content: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.status = status
        self.headers = CIMultiDict(headers or {})
        self._content = content if isinstance(content, bytes) else json.dumps(content).encode()

    async def read(self, limit):
        assert len(self._content) <= limit
        return self._content

    async def chunks(self):
        yield self._content


def problem(status: int, reason: str = "", detail: str = "", **headers: str) -> Answer:
    return Answer({"detail": detail, "reason": reason, "advice": "do it so"}, status, {**PROBLEM, **headers})


class Waits:
    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def server(*answers: Any) -> tuple[Server, StandIn, Waits]:
    session, waits = StandIn(*answers), Waits()
    choice = ServerChoice("https://h:1", Secret("mvr_canarycanary"), None)
    made = Server(session, choice, sleep=waits, rng=random.Random(1))  # type: ignore[arg-type]  # stands in
    return made, session, waits


RUN = {
    "id": 7,
    "migration_id": "m",
    "migration_run_id": "r",
    "pair_id": 1,
    "mode": "copy",
    "state": "ended",
    "status": "success",
    "code": 100,
}


async def test_a_busy_server_is_asked_again_when_it_said():
    made, session, waits = server(
        problem(429, "throttled", **{"Retry-After": "7"}), problem(503, **{"Retry-After": "3"}), Answer(RUN)
    )
    assert (await made.get("/runs/7", Run)).id == 7
    assert waits.seconds == [7, 3]
    assert [url for _, url, _, _ in session.requests] == ["https://h:1/api/v1/runs/7"] * 3


async def test_what_is_to_happen_once_is_repeated_under_one_key():
    made, session, _ = server(Unreachable("lost"), ServiceFault("bad"), Answer({"pairs": 1}))
    await made.post("/runs/7/pause", dict)
    keys = {headers["Idempotency-Key"] for _, _, headers, _ in session.requests}
    assert len(session.requests) == 3
    assert len(keys) == 1
    await server(Answer({}))[0].post("/x", dict)


async def test_two_calls_have_two_keys():
    made, session, _ = server(Answer({}), Answer({}))
    await made.post("/x", dict)
    await made.post("/x", dict)
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in session.requests}) == 2


async def test_it_gives_up_in_the_end():
    made, session, _ = server(*[Unreachable("no connection")] * 20)
    with pytest.raises(Unreachable):
        await made.get("/runs", Run)
    assert len(session.requests) == 6


async def test_a_refusal_is_not_repeated():
    made, session, _ = server(problem(409, "conflict", "it runs already"))
    with pytest.raises(MoverError, match="it runs already"):
        await made.post("/x", dict)
    assert len(session.requests) == 1


async def test_a_request_whose_first_try_is_not_over_is_repeated_when_the_server_says():
    busy = problem(409, "under_way", "it is still under way", **{"Retry-After": "1"})
    made, session, waits = server(Unreachable("the connection broke"), busy, busy, Answer({"pairs": 3}))
    assert await made.post("/x", dict) == {"pairs": 3}
    assert waits.seconds[1:] == [1, 1]
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in session.requests}) == 1


async def test_a_request_of_which_nobody_knows_what_it_did_is_not_repeated():
    made, session, _ = server(problem(409, "outcome_unknown", "it was cut off"))
    with pytest.raises(MoverError, match="it was cut off"):
        await made.post("/x", dict)
    assert len(session.requests) == 1


async def test_pages_are_given_on_as_they_come():
    pair = {
        "id": 1,
        "migration_id": "m",
        "source_path": "/a",
        "destination_path": "/b",
        "status": "new",
        "code": 0,
    }
    made, session, _ = server(
        Answer({"items": [pair], "next_cursor": "c&1", "total": 2}),
        Answer({"items": [{**pair, "id": 2}], "next_cursor": None}),
    )
    pages = made.pages("/migrations/m/pairs", Pair, {"filter": "a b"})
    assert (await anext(pages)).id == 1
    assert len(session.requests) == 1
    assert [each.id async for each in pages] == [2]
    assert session.requests[1][1].endswith("?filter=a%20b&limit=200&cursor=c%261")


async def test_a_server_that_repeats_a_page_is_not_followed_for_ever():
    page = {"items": [], "next_cursor": "same", "total": 0}
    made, _, _ = server(Answer(page), Answer(page), Answer(page))
    with pytest.raises(ProtocolViolation, match="repeats a page"):
        _ = [each async for each in made.pages("/runs", Run)]


@pytest.mark.parametrize("content", [b"<html>", b"\xff\xfe", b"[]", b'{"id": "seven"}', b""])
async def test_an_answer_that_is_something_else_is_called_that(content):
    made, _, _ = server(Answer(content))
    with pytest.raises(ProtocolViolation, match="not what Mover's API says"):
        await made.get("/runs/7", Run)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, SignInFailed),
        (404, MoverError),
        (409, MoverError),
        (422, MoverError),
        (429, Throttled),
        (500, MoverError),
        (503, ServiceFault),
    ],
)
def test_a_problem_becomes_an_error_in_the_servers_own_words(status, kind):
    body = json.dumps(
        {"detail": "so it is", "reason": "conflict", "advice": "do it so", "request_id": "abc"}
    ).encode()
    error = refusal(status, CIMultiDict(PROBLEM), body, host="h")
    assert isinstance(error, kind)
    assert (error.message, error.advice, error.reason, error.service) == (
        "so it is",
        "do it so",
        Reason.CONFLICT,
        "h",
    )
    assert ("abc" in str(error)) == (status >= 500)


@pytest.mark.parametrize("body", [b"rubbish", b"[1]", b'{"detail": 1}', b"\xff", b""])
def test_a_problem_that_is_none_is_judged_by_its_status(body):
    assert "HTTP 404" in str(refusal(404, CIMultiDict(PROBLEM), body, host="h"))


def test_hostile_words_of_a_server_cannot_move_the_cursor():
    body = json.dumps(
        {"detail": "\x1b[2Jgone\r\nmover: all well", "advice": "\x1b]0;x\x07" + "a" * 10_000}
    ).encode()
    error = refusal(409, CIMultiDict(PROBLEM), body, host="h")
    assert error.message.isprintable()
    assert error.advice.isprintable()
    assert len(error.advice) <= 500


async def test_the_key_is_in_no_error():
    made, session, _ = server(problem(401, "sign_in_failed", "the key is not known"))
    with pytest.raises(SignInFailed) as refused:
        await made.get("/runs", Run)
    assert session.requests[0][2]["Authorization"] == "Bearer mvr_canarycanary"
    assert "canary" not in str(refused.value) + repr(refused.value)


class Silence:
    """An answer that never comes: of a server that is gone without a word, on a connection that seems to stand."""

    status = 200
    headers: CIMultiDict[str] = CIMultiDict()

    async def read(self, limit):  # noqa: ARG002 - as `HttpResponse`
        await asyncio.Event().wait()


async def test_who_watches_does_not_wait_for_a_server_that_fell_silent():
    gone = [Unreachable("h refuses connections") for _ in range(20)]  # longer than six tries
    asked, session, waits = server(Silence(), *gone, problem(503), Answer({"items": [], "next_cursor": None}))

    found = [run async for run in asked.patient(look_s=0.01).pages("/runs", Run)]

    assert found == []
    assert session.answers == []
    assert len(waits.seconds) == 22


async def test_an_outage_without_end_is_told_when_the_time_is_over():
    asked, _, _ = server(*[Unreachable("h refuses connections") for _ in range(50)])
    impatient = Server(
        asked._session,
        asked._choice,
        policy=RetryPolicy(attempts=6, first_s=10.0, cap_s=10.0, total_s=0.0),
        sleep=Waits(),
    )

    with pytest.raises(Unreachable):
        await impatient.patient().get("/runs/7", Run)


async def test_what_changes_something_is_waited_for():
    """A second try could find the first one under way; the server decides how long it takes."""
    asked, _, _ = server()
    patient = asked.patient(look_s=0.0)
    async with patient._in_time("POST"):
        await asyncio.sleep(0)
    with pytest.raises(TimedOut, match="no answer within 0 s"):
        async with patient._in_time("GET"):
            await asyncio.Event().wait()
