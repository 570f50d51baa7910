from __future__ import annotations

import asyncio
import datetime as dt
import logging
import stat
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mover.errors import InvalidConfiguration, NameRejected, Unreachable
from mover.mail.choice import mail_from_settings
from mover.mail.message import Message, spelled_out
from mover.mail.outbox import OutboxMail
from mover.mail.queue import MailQueue
from mover.mail.smtp import SmtpMail
from mover.settings import Settings
from mover.transport.egress import Egress

MESSAGE = Message(to="ben@example.org", subject="Hello", paragraphs=("Hello.",))
AT = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


async def test_the_outbox_holds_one_private_file_a_mail(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "outbox"
    mail = OutboxMail(folder, "Mover <mover@example.org>", now=AT.timestamp)

    await mail.send(MESSAGE)
    await mail.send(MESSAGE)

    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    read = message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert read["Subject"] == "Hello"
    assert read["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
    assert read["Auto-Submitted"] == "auto-generated"


async def test_an_outbox_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(InvalidConfiguration, match="file"):
        await OutboxMail(tmp_path / "file", "mover@example.org").send(MESSAGE)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_nothing_that_people_type_becomes_a_header_of_its_own(subject: str, name: str, text: str) -> None:
    try:
        mail = spelled_out(
            Message(to="ben@example.org", subject=subject, paragraphs=(text,)),
            sender=f"{name} <mover@example.org>",
            message_id="x@y",
            at=AT,
        )
    except InvalidConfiguration:
        return
    read = message_from_bytes(mail.as_bytes(), policy=policy.default)

    assert set(read.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert [address.addr_spec for address in read["To"].addresses] == ["ben@example.org"]
    assert [address.addr_spec for address in read["From"].addresses] == ["mover@example.org"]


@pytest.mark.parametrize(
    "to", ["", "x", "a@b\r\nBcc: c@d", "a@b, c@d", "a@b c@d", "<>", "a@", "é@example.org"]
)
def test_what_is_no_address_gets_no_mail(to: str) -> None:
    with pytest.raises(InvalidConfiguration):
        spelled_out(Message(to=to, subject="x", paragraphs=()), sender="m@example.org", message_id="x", at=AT)


class _Flaky:
    """Fails as it is told, then takes mail."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.taken: list[Message] = []

    async def send(self, message: Message) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append(message)


async def _no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_the_queue_tries_again_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    flaky = _Flaky(Unreachable("down"), Unreachable("down"))

    async with MailQueue(flaky, sleep=_no_sleep) as queue:
        assert queue.post(MESSAGE)
        assert queue.post(MESSAGE)

    assert len(flaky.taken) == 2
    assert caplog.records == []


@pytest.mark.parametrize(
    "failures",
    [[Unreachable("down")] * 3, [NameRejected("no")], [ZeroDivisionError()]],
    ids=["three times", "for good", "a defect"],
)
async def test_the_queue_gives_up_in_the_log_without_the_content_and_goes_on(
    failures: list[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    flaky = _Flaky(*failures)

    with caplog.at_level(logging.ERROR):
        async with MailQueue(flaky, sleep=_no_sleep) as queue:
            queue.post(Message(to="x@example.org", subject="private", paragraphs=("private",)))
            queue.post(MESSAGE)

    assert flaky.taken == [MESSAGE]
    assert "given up" in caplog.text
    assert "private" not in caplog.text


async def test_a_full_queue_drops(caplog: pytest.LogCaptureFixture) -> None:
    queue = MailQueue(_Flaky(), limit=1)

    assert queue.post(MESSAGE)
    assert not queue.post(MESSAGE)
    assert "dropped" in caplog.text


async def test_the_operator_chooses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    egress = Egress()
    assert mail_from_settings(Settings(), egress) is None
    monkeypatch.setenv("MOVER_MAIL_OUTBOX", str(tmp_path))
    assert isinstance(mail_from_settings(Settings(), egress), OutboxMail)
    monkeypatch.setenv("MOVER_SMTP_URL", "smtps://u:hunter2@mail.example.org")
    with pytest.raises(InvalidConfiguration, match="keep one") as wrong:
        Settings()
    assert "hunter2" not in str(wrong.value)
    monkeypatch.delenv("MOVER_MAIL_OUTBOX")
    with pytest.raises(InvalidConfiguration, match="MOVER_MAIL_FROM"):
        mail_from_settings(Settings(), egress)
    monkeypatch.setenv("MOVER_MAIL_FROM", "Mover <mover@example.org>")
    assert isinstance(mail_from_settings(Settings(), egress), SmtpMail)
