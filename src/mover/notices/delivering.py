"""Sends what waits in the outbox: webhooks through the egress, mail through `Mail`. For runners."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from secrets import token_hex
from typing import Any

import msgspec
from sqlalchemy import Connection, Row

from mover.database.database import Database
from mover.errors import MoverError, Transient, one_line
from mover.mail.message import Mail, Message
from mover.notices import queries
from mover.notices.outbox import GIVE_UP_NS
from mover.notices.records import Attempt, DeliveryState, Webhook
from mover.notices.signatures import signed_headers
from mover.notices.tables import run_mails, webhook_deliveries
from mover.notices.webhooks import PREVIOUS, SECRET, holder, owner
from mover.transport.egress import Egress
from mover.transport.http import HttpSession
from mover.vault.secret import Secret
from mover.vault.vault import Vault

_S = 1_000_000_000
PAUSES_S = (5, 60, 300, 1800, 7200, 18000, 36000, 50400, 72000)
"""After the first failure, the second, ...; the last one from then on."""
_GONE = 410
_SENDING_S = 20.0  # for one message, all in all
_CLAIM_NS = 120 * _S  # longer than anything takes that is done under it
_AT_ONCE = 8


class Deliverer:
    """Sends at least once; two never send the same at the same time.

    Args:
        database: With the outbox.
        vault: With the secrets that sign.
        egress: The way out; its rules say which addresses may be connected to.
        mail: None leaves mail waiting.
        public_url: Where the pages are, for links in mails.
        allow_plain: Also speak `http://`, for demos and tests.
        now_ns: The clock.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        egress: Egress,
        mail: Mail | None,
        *,
        public_url: str,
        allow_plain: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._database = database
        self._vault = vault
        self._egress = egress
        self._mail = mail
        self._public_url = public_url.rstrip("/")
        self._allow_plain = allow_plain
        self._now_ns = now_ns

    async def deliver_due(self, limit: int = 50) -> int:
        """Send what is due, at most so many of each kind; returns how many were tried.

        Messages of one receiver are not kept in order. What receivers do wrong is written down, not raised.
        """
        return await self._webhooks(limit) + await self._mails(limit)

    async def _webhooks(self, limit: int) -> int:
        claim, now_ns = token_hex(16), self._now_ns()
        # As many at a time as are sent at once, so that no claim runs out while its message waits for others.
        done = 0
        session = self._egress.http("webhook", allow_plain=self._allow_plain, connections=_AT_ONCE)
        try:
            while done < limit:
                most = min(_AT_ONCE, limit - done)
                taken = await self._database.write(
                    lambda connection, most=most, now_ns=now_ns: queries.claim(  # type: ignore[misc]  # mypy does not infer lambdas with defaults
                        connection,
                        webhook_deliveries,
                        claim,
                        now_ns=now_ns,
                        until_ns=now_ns + _CLAIM_NS,
                        limit=most,
                    )
                )
                if not taken:
                    break
                ids = {row.webhook_id for row in taken}
                hooks = await self._database.read(
                    lambda connection, ids=ids: queries.webhooks_with(connection, sorted(ids))  # type: ignore[misc]  # as above
                )
                await asyncio.gather(
                    *(
                        self._deliver(session, row, hooks[row.webhook_id], claim)
                        for row in taken
                        if row.webhook_id in hooks
                    )
                )
                done += len(taken)
                now_ns = self._now_ns()
        finally:
            await session.close()
        return done

    async def _deliver(self, session: HttpSession, row: Row[Any], hook: Webhook, claim: str) -> None:
        began = self._now_ns()
        status, message, gone = await self._post(session, row, hook)
        ended = self._now_ns()
        delivered = status is not None and status // 100 == 2 and not message  # noqa: PLR2004 - HTTP's successes
        gives_up = not delivered and (gone or ended >= row.give_up_ns)
        values: dict[str, Any] = {"status": status, "message": message}
        if delivered or gives_up:
            state = DeliveryState.DELIVERED if delivered else DeliveryState.FAILED
            values |= {"state": state.value, "ended_ns": ended}
        else:
            values |= {"due_ns": min(ended + pause_ns(row.attempts), row.give_up_ns)}

        def settle(connection: Connection) -> None:
            if not queries.settle(connection, webhook_deliveries, row.id, claim, values):
                return
            attempt = Attempt(at_ns=began, took_ns=max(0, ended - began), status=status, message=message)
            queries.add_attempt(connection, row.id, attempt)
            if gone or (gives_up and not queries.delivered_since(connection, hook.id, row.created_ns)):
                reason = (
                    "the receiver says that it is gone (410)"
                    if gone
                    else "nothing could be delivered for three days"
                )
                queries.stop_webhook(connection, hook.id, reason, ended)

        await self._database.write(settle)

    async def _post(self, session: HttpSession, row: Row[Any], hook: Webhook) -> tuple[int | None, str, bool]:
        """Send a message. Returns the status, what went wrong, and whether the receiver is gone for good."""
        body = row.body.encode()
        now_ns = self._now_ns()
        try:
            secrets = await self._secrets(hook, now_ns)
            if not secrets:
                return None, "the webhook's secret is gone from the vault; make a new one", False
            headers = {
                "Content-Type": "application/json",
                **signed_headers(secrets, row.message_id, now_ns // _S, body),
            }
            async with (
                asyncio.timeout(_SENDING_S),
                session.request("POST", hook.url, headers=headers, body=body, operation="deliver") as answer,
            ):
                status = answer.status
        except TimeoutError:
            return None, f"no answer within {_SENDING_S:.0f} seconds", False
        except MoverError as error:
            return None, one_line(error.message), False
        if status // 100 == 2:  # noqa: PLR2004 - HTTP's successes
            return status, "", False
        return status, f"the receiver answered with {status}", status == _GONE

    async def _secrets(self, hook: Webhook, now_ns: int) -> list[Secret]:
        kept = await self._vault.fetch_all(holder(hook.organisation_id), owner(hook.id))
        present = [kept[SECRET]] if SECRET in kept else []
        overlaps = hook.previous_until_ns is not None and now_ns < hook.previous_until_ns
        return present + ([kept[PREVIOUS]] if overlaps and PREVIOUS in kept else [])

    async def _mails(self, limit: int) -> int:
        if self._mail is None:
            return 0
        done = 0
        while done < limit:
            # One at a time: a mail server is slow, and a claim must not run out while its mail waits for others.
            claim, now_ns = token_hex(16), self._now_ns()
            taken = await self._database.write(
                lambda connection, claim=claim, now_ns=now_ns: queries.claim(  # type: ignore[misc]  # as above
                    connection, run_mails, claim, now_ns=now_ns, until_ns=now_ns + _CLAIM_NS, limit=1
                )
            )
            if not taken:
                break
            await self._send(self._mail, taken[0], claim)
            done += 1
        return done

    async def _send(self, mail: Mail, row: Row[Any], claim: str) -> None:
        address = await self._database.read(
            lambda connection: queries.address_of(connection, row.organisation_id, row.person_id)
        )
        values: Mapping[str, Any]
        try:
            if address is None:
                values = self._ended(DeliveryState.FAILED, "the person has left the organisation")
            else:
                paragraphs = tuple(msgspec.json.decode(row.paragraphs, type=list[str]))
                async with asyncio.timeout(_CLAIM_NS / _S / 2):
                    link = self._public_url + row.page if row.page else None
                    await mail.send(Message(address, row.subject, paragraphs, link, row.page_label or ""))
                values = self._ended(DeliveryState.DELIVERED, "")
        except (Transient, TimeoutError) as error:
            message = (
                one_line(error.message) if isinstance(error, MoverError) else "the mail server is too slow"
            )
            now_ns = self._now_ns()
            if now_ns >= row.created_ns + GIVE_UP_NS:
                values = self._ended(DeliveryState.FAILED, message)
            else:
                values = {"message": message, "due_ns": now_ns + pause_ns(row.attempts)}
        except MoverError as error:
            values = self._ended(DeliveryState.FAILED, one_line(error.message))
        await self._database.write(
            lambda connection: queries.settle(connection, run_mails, row.id, claim, dict(values))
        )

    def _ended(self, state: DeliveryState, message: str) -> Mapping[str, Any]:
        return {"state": state.value, "message": message, "ended_ns": self._now_ns()}


def pause_ns(attempts: int) -> int:
    """How long to wait after so many attempts, the one that just failed included."""
    return PAUSES_S[min(attempts, len(PAUSES_S)) - 1] * _S
