"""A pool in memory whose domains are shifted in one direction and whose labels lie in others, with small pictures."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image

from encoders.adaptation.examples import Examples
from encoders.decode import decode
from evaluation.running.evaluated_pool import EvaluatedPool
from tests.index.selection.memory_pool import MemoryPool, Record

__all__ = ["DOMAINS", "LABELS", "evaluated", "records_of", "shifted"]

DOMAINS, LABELS = ("dusk", "glare", "noon"), ("blue", "green", "red")
_DIM = 12


def records_of(each: int = 4, *, seed: int = 0, groups: bool = True) -> list[Record]:
    """Demonstrations of every label and domain: the domain is three times as loud as the label."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(_DIM, _DIM)))[0]
    records = []
    for d, domain in enumerate(DOMAINS):
        for c, label in enumerate(LABELS):
            for number in range(each):
                vector = 3 * directions[d] + directions[3 + c] + 0.25 * rng.normal(size=_DIM)
                vector /= np.linalg.norm(vector)
                id = f"{domain}/{label}/{number}.png"
                group = f"{domain} {label} {number // 2}" if groups else None
                sha256 = hashlib.sha256(id.encode()).hexdigest()
                found = Record(id, len(records), tuple(vector.tolist()), label, domain, group, sha256)
                records.append(found)
    return records


def evaluated(
    records: Sequence[Record], picture: Callable[[str], bytes] | None = None, *, among: Sequence[int] | None = None
) -> EvaluatedPool:
    """The living ones of some records as a pool; each has a picture of noise of its own unless given."""
    snapshot = MemoryPool(records, len(records[0].vector))
    positions = np.flatnonzero(snapshot.alive) if among is None else np.array(among)
    living = [records[position] for position in positions.tolist()]
    content = picture or noise
    examples = Examples(
        snapshot.vectors(positions),
        [record.label for record in living],
        [record.domain for record in living],
        [record.group for record in living],
        lambda place: decode(content(living[place].id)),
    )
    return EvaluatedPool(snapshot, positions, examples, "f" * 64, content)


def shifted(each: int = 4, *, seed: int = 0) -> EvaluatedPool:
    """`records_of`, one of them dead, so that places aren't positions."""
    records = records_of(each, seed=seed)
    dead = replace(records[0], id="dead.png", row=len(records), alive=False)
    return evaluated([dead, *records])


def noise(id: str) -> bytes:
    """A PNG file, another for each id."""
    seed = int.from_bytes(hashlib.sha256(id.encode()).digest()[:8], "little")
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
