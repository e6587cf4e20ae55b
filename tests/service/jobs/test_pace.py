"""How long a phase still takes, and when its progress is written down; time is a number here."""

from __future__ import annotations

from service.jobs.pace import Pace


def test_the_pace_is_that_of_this_phase_and_this_attempt() -> None:
    pace = Pace(100.0)
    pace.enter("encoding")
    assert pace.seconds_left(500, 1000, 100.0) is None  # those of an attempt before took no time
    assert pace.seconds_left(510, 1000, 101.0) == 49.0
    assert pace.seconds_left(1000, 1000, 200.0) == 0.0
    pace.enter("fitting")
    assert pace.seconds_left(0, 10, 200.0) is None
    assert pace.seconds_left(1, 10, 202.0) == 18.0
    assert pace.seconds_left(None, 10, 203.0) is None
    assert pace.seconds_left(1, None, 203.0) is None


def test_a_phase_that_begins_again_is_measured_again() -> None:
    pace = Pace(0.0)
    pace.enter("a")
    pace.seconds_left(5, 10, 0.0)
    assert pace.seconds_left(0, 10, 1.0) is None
    assert pace.seconds_left(1, 10, 2.0) == 9.0


def told(seconds: float, every: float) -> int:
    pace = Pace(0.0)
    pace.enter("a")
    return sum(pace.due(1, None, now * every) for now in range(int(seconds / every)))


def test_progress_is_told_once_a_second_at_first_and_less_often_later() -> None:
    assert told(10, 0.01) == 10
    assert told(24 * 3600, 1.0) < 10_000


def test_a_phase_s_beginning_and_end_are_told_at_once_and_once() -> None:
    pace = Pace(0.0)
    pace.enter("a")
    assert pace.due(0, 2, 0.0)
    assert not pace.due(1, 2, 0.1)
    assert pace.due(2, 2, 0.2)
    assert not pace.due(2, 2, 0.3)
    pace.enter("b")
    assert pace.due(None, None, 0.4)
    assert not pace.due(None, None, 0.5)
