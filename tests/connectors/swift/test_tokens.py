"""One sign-in serves all calls, ahead of the end of a token and after its refusal."""

from __future__ import annotations

import asyncio

import pytest

from mover.connectors.swift.tokens import Grant, Tokens
from mover.errors import ServiceFault, SignInFailed, Throttled
from mover.vault.secret import Secret

LIFE_S = 3600.0


class Service:
    """Gives tokens, as often as it is asked, or raises what stands in the way."""

    def __init__(self, *, names: list[str] | None = None) -> None:
        self.now_s = 1000.0
        self.life_s = LIFE_S
        self.sign_ins = 0
        self.trouble: Exception | None = None
        self._names = iter(names or [f"token {number}" for number in range(100)])
        self.tokens = Tokens(self.sign_in, now=lambda: self.now_s)

    async def sign_in(self) -> Grant:
        self.sign_ins += 1
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise self.trouble
        token = Secret(next(self._names))
        return Grant(token=token, storage_url="https://host/v1/a", expires_at_s=self.now_s + self.life_s)


async def test_many_calls_at_once_sign_in_once() -> None:
    service = Service()
    grants = await asyncio.gather(*(service.tokens.current() for _ in range(10)))
    assert service.sign_ins == 1
    assert all(grant is grants[0] for grant in grants)


async def test_many_refusals_at_once_are_answered_by_one_sign_in() -> None:
    service = Service()
    old = await service.tokens.current()
    renewed = await asyncio.gather(*(service.tokens.after_refusal(old) for _ in range(10)))
    assert service.sign_ins == 2
    assert {grant.token.reveal() for grant in renewed} == {"token 1"}
    assert (await service.tokens.after_refusal(old)) is renewed[0]


async def test_a_token_is_renewed_before_it_ends() -> None:
    service = Service()
    await service.tokens.current()
    service.now_s += LIFE_S - 130
    assert (await service.tokens.current()).token == Secret("token 0")
    service.now_s += 20
    assert (await service.tokens.current()).token == Secret("token 1")


async def test_a_service_that_gives_the_same_token_until_its_end_is_not_asked_for_each_call() -> None:
    service = Service(names=["same"] * 10)
    await service.tokens.current()
    service.now_s += LIFE_S - 100
    for _ in range(5):
        await service.tokens.current()
    assert service.sign_ins == 2


async def test_a_wrong_clock_is_no_reason_to_sign_in_for_each_call() -> None:
    service = Service()
    service.life_s = -5.0
    for _ in range(5):
        await service.tokens.current()
    assert service.sign_ins == 1


async def test_a_good_token_serves_on_while_nobody_can_renew_it() -> None:
    service = Service()
    await service.tokens.current()
    service.now_s += LIFE_S - 100
    service.trouble = ServiceFault("down")
    assert (await service.tokens.current()).token == Secret("token 0")
    assert (await service.tokens.current()).token == Secret("token 0")
    assert service.sign_ins == 2  # not tried again with each call
    service.now_s += 200
    with pytest.raises(ServiceFault):
        await service.tokens.current()


async def test_a_sign_in_that_is_throttled_is_not_tried_by_each_call_that_waited_for_it() -> None:
    service = Service()
    service.trouble = Throttled("slow down", retry_after_s=7)
    outcomes = await asyncio.gather(*(service.tokens.current() for _ in range(10)), return_exceptions=True)
    assert [error.retry_after_s for error in outcomes if isinstance(error, Throttled)] == [7] * 10
    assert service.sign_ins == 1
    service.trouble = None
    assert (await service.tokens.current()).token == Secret("token 0")  # who comes later tries


async def test_calls_go_on_with_a_good_token_while_the_next_one_is_on_its_way() -> None:
    service = Service()
    await service.tokens.current()
    service.now_s += LIFE_S - 100
    renewing = asyncio.create_task(service.tokens.current())
    await asyncio.sleep(0)
    assert (await service.tokens.current()).token == Secret("token 0")
    assert (await renewing).token == Secret("token 1")
    assert service.sign_ins == 2


async def test_refused_credentials_are_tried_once_and_never_again() -> None:
    service = Service()
    old = await service.tokens.current()
    service.trouble = SignInFailed("no")
    outcomes = await asyncio.gather(
        *(service.tokens.after_refusal(old) for _ in range(10)), return_exceptions=True
    )
    assert all(isinstance(outcome, SignInFailed) for outcome in outcomes)
    assert service.sign_ins == 2


async def test_a_call_that_is_cancelled_in_its_sign_in_leaves_the_next_one_to_it() -> None:
    service = Service()
    first = asyncio.create_task(service.tokens.current())
    await asyncio.sleep(0)
    second = asyncio.create_task(service.tokens.current())
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).token == Secret("token 0")


async def test_no_token_is_shown() -> None:
    assert "token 0" not in repr(await Service().tokens.current())
