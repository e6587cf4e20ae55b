"""What is fuzzed: functions that take bytes and may raise nothing but errors of ours, and sound input to damage."""

from __future__ import annotations

import csv
import io
import json
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from pydantic import ValidationError

from benchmarks.fuzz.mutations import invented
from encoders.decode import DecodeLimits, decode, probe
from encoders.stored_description import parse
from index.manifest import Manifest, read_manifest, write_manifest
from index.selection.filter import allowed
from index.sources.opening import open_source
from index.sources.record import Record
from invariantselect.wire.selections import SelectRequest
from service.http.data_uri import image_from_text
from tests.index.selection.memory_pool import MemoryPool
from tests.index.selection.memory_pool import Record as Remembered

__all__ = ["TARGETS", "Target"]

_LIMITS = DecodeLimits(max_bytes=4 << 20, max_pixels=200_000)
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
_ROWS = [{"image": f"{number}.png", "label": "dög", "age": number, "note": 'a "q",\nx'} for number in range(12)]


@dataclass(frozen=True)
class Target:
    """Something that reads untrusted input.

    Attributes:
        read: Takes one input; an exception that isn't an `InvariantSelectError` is a finding.
        sound: What it reads well, to be damaged.
    """

    read: Callable[[bytes], object]
    sound: Sequence[bytes]


def _header(data: bytes) -> None:
    found = probe(data, _LIMITS)
    assert found.width * found.height <= _LIMITS.max_pixels


def _picture(data: bytes) -> None:
    found = decode(data, _LIMITS)
    assert found.mode == "RGB"
    assert found.size == (probe(data, _LIMITS).width, probe(data, _LIMITS).height)


def _rows(suffix: str) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"m{suffix}"
            path.write_bytes(data)
            for item in open_source(path):
                if isinstance(item, Record):
                    assert len(item.id) <= 512

    return read


def _filter(data: bytes) -> None:
    pool = MemoryPool([Remembered("a", 0, (1.0,), "cat", "x", metadata={"age": 1})], 1)
    where = invented(random.Random(data))
    if isinstance(where, dict):
        allowed(pool, where)


def _request(data: bytes) -> None:
    try:
        request = SelectRequest.model_validate_json(data)
    except ValidationError:
        return
    allowed(MemoryPool([Remembered("a", 0, (1.0,), "cat")], 1), request.where)


def _uri(data: bytes) -> None:
    image_from_text(data.decode("latin-1"), 1000)


def _segments(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_bytes(data)
        read_manifest(Path(folder), fingerprint="f" * 64, dim=4)


def _description(data: bytes) -> None:
    try:
        parse(data.decode("utf-8"))
    except ValueError:
        return  # what `load_stored` catches, and tells as a damaged encoder


def _pictures() -> list[bytes]:
    files = []
    for format in _FORMATS:
        buffer = io.BytesIO()
        Image.radial_gradient("L").resize((24, 16)).convert("RGB").save(buffer, format)
        files.append(buffer.getvalue())
    return files


def _manifests() -> dict[str, list[bytes]]:
    table, text = io.BytesIO(), io.StringIO()
    pq.write_table(pa.Table.from_pylist(_ROWS), table, row_group_size=5)
    writer = csv.DictWriter(text, list(_ROWS[0]))
    writer.writeheader()
    writer.writerows(_ROWS)
    lines = "\n".join(json.dumps(row) for row in _ROWS)
    return {".csv": [text.getvalue().encode()], ".jsonl": [lines.encode()], ".parquet": [table.getvalue()]}


def _sealed() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        write_manifest(Path(folder), Manifest(fingerprint="f" * 64, dim=4))
        return (Path(folder) / "manifest.json").read_bytes()


def _targets() -> dict[str, Target]:
    pictures, manifests = _pictures(), _manifests()
    request = json.dumps({"query": {"id": "a"}, "k": 3, "where": {"label": {"in": ["cat"]}}}).encode()
    return {
        "image header": Target(_header, pictures),
        "decoder": Target(_picture, pictures),
        **{f"manifest {suffix}": Target(_rows(suffix), sound) for suffix, sound in manifests.items()},
        "filter": Target(_filter, [b"seed"]),
        "select request": Target(_request, [request]),
        "data URI": Target(_uri, [b"data:image/png;base64,QUJDRA=="]),
        "segments' manifest": Target(_segments, [_sealed()]),
        "encoder description": Target(_description, [b'{"format": 1, "name": "x", "dim": 4}']),
    }


TARGETS = _targets()
"""By name."""
