"""Ingest of a folder against the bare decode-and-encode loop over the same files."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.images import jpeg_crops
from benchmarks.spread import Spread
from encoders.catalog import load_encoder
from encoders.decode import decode
from index.intake import take_in
from index.pools import Pools
from index.sources import open_source

BATCH = 64


@dataclass(frozen=True)
class IngestFigures:
    """Images a second: the bare encoder loop, and the whole ingest."""

    images: int
    bare_per_second: Spread
    ingest_per_second: Spread


def measure(workplace: Path, *, images: int, rounds: int) -> IngestFigures:
    """Rounds of the two, in turn; every ingest goes into a new pool."""
    encoder = load_encoder("efficientnet-lite0", store=workplace / "encoders")
    identity = encoder.identity
    folder = workplace / "folder"
    for number, jpeg in enumerate(jpeg_crops(images)):
        path = folder / f"domain-{number % 4}" / f"label-{number % 10}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(jpeg)
    files = sorted(folder.rglob("*.jpg"))
    bare, whole = [], []
    for number in range(rounds):
        begin = time.perf_counter()
        for start in range(0, images, BATCH):
            encoder.encode([decode(path.read_bytes()) for path in files[start : start + BATCH]])
        bare.append(images / (time.perf_counter() - begin))

        pools = Pools(workplace / f"data-{number}")
        pool = pools.create("bench", encoder=identity.name, fingerprint=identity.fingerprint, dim=identity.dim)
        begin = time.perf_counter()
        report = take_in(pool, [encoder], open_source(folder))
        whole.append(images / (time.perf_counter() - begin))
        if report.created != images:
            raise RuntimeError(f"expected {images} new demonstrations, not {report.created}")
    return IngestFigures(images, Spread(tuple(bare)), Spread(tuple(whole)))
