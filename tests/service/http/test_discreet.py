from __future__ import annotations

from pathlib import Path

from service.http.discreet import discreet
from service.settings import Settings


def test_places_of_the_server_are_hinted_at_and_all_else_stays() -> None:
    settings = Settings(data=Path("/srv/clinic"), images_url="s3://clinic-bucket/pictures/")
    problem = {
        "detail": "the images at s3://clinic-bucket/pictures can't be reached",
        "hint": "Look into /srv/clinic, or at /srv/clinic/blobs/ab. /srv/other, /srv/clinic-2, /x/srv/clinic stay",
        "status": 503,
        "errors": [],
    }
    assert discreet(problem, settings) == {
        "detail": "the images at the object store can't be reached",
        "hint": "Look into the data directory, or at …/blobs/ab. /srv/other, /srv/clinic-2, /x/srv/clinic stay",
        "status": 503,
        "errors": [],
    }


def test_a_bucket_without_its_scheme_is_hinted_at_and_another_bucket_stays() -> None:
    settings = Settings(data=Path("/data"), images_url="s3://bbb/x")
    told = {"detail": "'/database/export' of s3://bbb/x-2: bbb/x/ab/cd, s3://bbb/x."}
    assert discreet(told, settings) == {
        "detail": "'/database/export' of s3://bbb/x-2: the object store/ab/cd, the object store."
    }


def test_a_relative_name_may_be_a_part_of_any_word() -> None:
    settings = Settings(data=Path("d"))
    assert discreet({"detail": "d is a domain"}, settings) == {"detail": "d is a domain"}
    assert discreet({"detail": f"{Path('d').absolute()}/x is lost"}, settings) == {"detail": "…/x is lost"}
