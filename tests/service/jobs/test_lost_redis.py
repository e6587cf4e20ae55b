"""A Redis that goes away and comes back, while jobs are handed in and done."""

from __future__ import annotations

from pathlib import Path

from tests.redis_server import RealRedis, needs_redis
from tests.service.jobs.conftest import at
from tests.service.jobs.kinds import Marks
from tests.service.jobs.place import wait_until


@needs_redis
def test_jobs_go_on_when_redis_does(tmp_path: Path) -> None:
    redis = RealRedis(tmp_path)
    redis.start()
    try:
        with at(tmp_path, redis.url) as place:
            place.worker()
            place.wait_for(place.jobs.submit("marks", Marks(file=place.effects)).id)
            running = place.steps()
            place.wait_for_gate(running.id, lines=6)
            redis.kill()
            waiting = place.jobs.submit("marks", Marks(file=place.effects))  # taken in, though nobody can be told
            place.open_gate()
            place.wait_for(running.id)  # what runs doesn't need the broker
            wait_until(lambda: "broker_lost" in place.log())
            redis.start()
            place.wait_for(waiting.id)
            assert place.lines().count(waiting.id) == 1
            wait_until(lambda: "broker_found_again" in place.log())
            assert place.log().count("broker_lost") == 1  # an outage is one line, and no defect
            assert "Traceback" not in place.log()
    finally:
        redis.kill()


@needs_redis
def test_a_worker_that_begins_while_redis_is_away_tells_of_it_once(tmp_path: Path) -> None:
    redis = RealRedis(tmp_path)
    try:
        with at(tmp_path, redis.url) as place:
            place.worker()
            wait_until(lambda: "broker_lost" in place.log())
            redis.start()
            wait_until(lambda: "broker_found_again" in place.log())
            assert place.log().count("broker_lost") == 1
            assert "Traceback" not in place.log()
    finally:
        redis.kill()
