"""The kinds that there are, done by real workers with both brokers: rebuild and import."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders.decode import decode
from index.pool import Pool
from index.transfer import export_pool
from invariantselect.errors import DatasetUnsupportedError
from invariantselect.wire.jobs import ImportRequest, Job, RebuildRequest
from service.jobs.import_root import below_import_root
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.jobs.place import Place, wait_until

IMAGES = 80


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Eighty images of two domains and two classes."""
    for number in range(IMAGES):
        path = tmp_path / "scans" / f"d{number % 2}" / f"l{number // 2 % 2}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path / "scans"


def take_in(place: Place, source: str, pool: str = "p", **more: str) -> Job:
    return place.jobs.submit("import", ImportRequest(source=source, **more), pool=pool)


def vectors_are_those_of_the_images(pool: Pool) -> bool:
    snapshot = pool.snapshot()
    encoder = PixelEncoder()
    rows = np.arange(snapshot.size, dtype=np.int64)
    images = [pool.image(snapshot.demonstration(int(row)).id).content for row in rows]
    return bool(np.array_equal(snapshot.vectors(rows), encoder.encode([decode(image) for image in images])))


def test_an_import_killed_midway_is_finished_by_another_worker(place: Place, folder: Path) -> None:
    (folder / "d0" / "l0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
    first = place.worker(seconds_an_image=0.03)
    job = take_in(place, "scans")
    # Files are taken sixty-four at a time; the first such batch is written.
    wait_until(lambda: any(pool.summary().demonstrations for pool in place.services.pools.list()))
    first.send_signal(signal.SIGKILL)
    place.worker()
    ended = place.wait_for(job.id)
    assert ended.attempt == 2
    pool = place.services.pools.open("p")
    assert pool.summary().demonstrations == IMAGES
    assert ended.result is not None
    assert 0 < ended.result["created"] < IMAGES
    assert ended.result["created"] + ended.result["unchanged"] == IMAGES
    assert [failure["where"] for failure in ended.result["failures"]] == ["d0/l0/broken.png"]
    assert ended.result["failures"][0]["error"]["code"] == "image_unreadable"
    assert vectors_are_those_of_the_images(pool)


def test_a_rebuild_killed_midway_encodes_nothing_twice(place: Place, folder: Path) -> None:
    helper = place.worker()
    place.wait_for(take_in(place, "scans").id)
    helper.send_signal(signal.SIGTERM)
    helper.wait(20)
    pool = place.services.pools.open("p")
    before = pool.summary().version

    first = place.worker(seconds_an_image=0.02)
    job = place.jobs.submit("rebuild", RebuildRequest(), pool="p")
    checkpoints = place.settings.data / "jobs" / job.id
    wait_until(lambda: checkpoints.is_dir() and len(list(checkpoints.glob("*.vectors"))) >= 2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = len(list(checkpoints.glob("*.vectors")))
    assert pool.summary().version == before  # nothing is seen of a rebuild that isn't done
    place.worker()
    ended = place.wait_for(job.id)
    assert ended.result == {"images": IMAGES, "encoded": IMAGES - 16 * kept, "snapshot": before + 1}
    assert ended.attempt == 2
    assert not checkpoints.exists()
    assert vectors_are_those_of_the_images(pool)


def test_a_cancelled_rebuild_leaves_the_pool_as_it_was(place: Place, folder: Path) -> None:
    place.worker(seconds_an_image=0.02)
    place.wait_for(take_in(place, "scans").id)
    pool = place.services.pools.open("p")
    before = pool.summary().version
    job = place.jobs.submit("rebuild", RebuildRequest(), pool="p")
    wait_until(lambda: (now := place.jobs.get(job.id).progress) is not None and now.done)
    place.jobs.cancel(job.id)
    place.wait_for(job.id, "cancelled")
    assert pool.summary().version == before
    place.jobs.retry(job.id)
    ended = place.wait_for(job.id)
    assert ended.result is not None
    assert ended.result["encoded"] < IMAGES
    assert vectors_are_those_of_the_images(pool)


def test_manifests_and_exports_are_imported_and_a_pool_keeps_its_encoder(place: Place, folder: Path) -> None:
    place.worker()
    lines = ["image,label,domain", *(f"d0/l0/{path.name},x,y" for path in sorted((folder / "d0" / "l0").iterdir()))]
    (folder / "list.csv").write_text("\n".join([*lines, "../../secret.png,x,y"]))
    first = place.wait_for(take_in(place, "scans/list.csv").id)
    assert first.result is not None
    assert (first.result["created"], first.result["failed"]) == (IMAGES // 4, 1)
    export_pool(place.services.pools.open("p"), place.folder / "exported")
    moved = place.wait_for(take_in(place, "exported", "q").id)
    assert moved.result is not None
    assert (moved.result["created"], moved.result["encoded"]) == (IMAGES // 4, 0)
    again = place.wait_for(take_in(place, "exported", "q").id)
    assert again.result is not None
    assert again.result["unchanged"] == IMAGES // 4
    refused = place.wait_for(take_in(place, "exported", "q", encoder="pixel-8-0").id, "failed")
    assert refused.error is not None
    assert refused.error["code"] == "encoder_not_found"


def test_a_source_that_is_swapped_for_a_way_out_is_refused_by_the_worker_too(place: Place, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (tmp_path / "scans").symlink_to(outside)
    job = take_in(place, "scans")
    place.worker()
    error = place.wait_for(job.id, "failed").error
    assert error is not None
    assert (error["code"], "nothing at scans" in error["detail"]) == ("dataset_unsupported", True)


def test_links_below_the_root_are_followed(tmp_path: Path) -> None:
    (tmp_path / "root" / "real").mkdir(parents=True)
    (tmp_path / "root" / "link").symlink_to("real")
    (tmp_path / "to-root").symlink_to("root")
    assert below_import_root(tmp_path / "to-root", "link") == (tmp_path / "root" / "real").resolve()
    (tmp_path / "root" / "real").rmdir()
    with pytest.raises(DatasetUnsupportedError):
        below_import_root(tmp_path / "to-root", "link")
