"""The thread beside a job and the job itself agree on why it is to stop."""

from __future__ import annotations

import threading

import pytest

from invariantselect.errors import JobCancelledError
from service.jobs.watch import Verdict, Watch


class Held:
    """A claim that nobody else wants."""

    class job:
        id = "0" * 24

    def standing(self) -> str:
        return "held"

    def beat(self) -> bool:
        return True


def test_a_job_that_was_told_that_it_is_lost_stays_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    looking, may_end = threading.Event(), threading.Event()
    look_really = Watch._look

    def look(watch: Watch) -> Verdict | None:
        looking.set()
        assert may_end.wait(20)  # the process sleeps here, longer than a worker may
        return look_really(watch)

    monkeypatch.setattr(Watch, "_look", look)
    with Watch(Held(), 0.05, lambda: False) as watch:  # type: ignore[arg-type]
        assert looking.wait(20)
        while watch.verdict is None:
            threading.Event().wait(0.01)
        with pytest.raises(JobCancelledError, match="taken it over"):
            watch.check()
        may_end.set()
        watch._thread.join(20)  # which has nothing to look after any more
        assert watch.verdict == "lost"
