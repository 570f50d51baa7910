from __future__ import annotations

from mover.connectors.told_room import Told, ToldRoom


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_signing_in_told_answers_one_question():
    room = ToldRoom(Clock())
    room.tell(7)
    assert room.take() == Told(7)
    assert room.take() is None


def test_no_limit_is_an_answer_too():
    room = ToldRoom(Clock())
    assert room.take() is None
    room.tell(None)
    assert room.take() == Told(None)


def test_what_was_told_more_than_a_minute_ago_is_asked_again():
    clock = Clock()
    room = ToldRoom(clock)
    room.tell(7)
    clock.now += 61
    assert room.take() is None
