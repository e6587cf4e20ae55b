"""The corpus, one process, little memory: each file is a picture within the limits or a typed error, and soon."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.encoders.hostile import corpus

SCRIPT = """
import json, resource, sys, time
from encoders.decode import DecodeLimits, decode, probe
from invariantselect.errors import InvariantSelectError
from tests.encoders.hostile import corpus
from tests.encoders.pictures import encoded, scene

limits = DecodeLimits(max_pixels=1_000_000)
files = corpus()
for format in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"):
    decode(encoded(scene(), format))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

def outcome(read, data):
    try:
        found = read(data, limits)
    except InvariantSelectError as error:
        return error.code
    assert found.width * found.height <= limits.max_pixels
    return "a picture"

seen = {}
for name, data in files.items():
    before, began = peak(), time.process_time()
    told = [outcome(probe, data), outcome(decode, data)]
    seen[name] = {"told": told, "mebibytes": peak() - before, "seconds": time.process_time() - began}
json.dump(seen, sys.stdout)
"""
MOST_MEBIBYTES, MOST_SECONDS = 24, 2.0


@pytest.fixture(scope="module")
def seen() -> dict[str, dict[str, object]]:
    ended = subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], check=True, capture_output=True, timeout=250)
    found: dict[str, dict[str, object]] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize("name", corpus())
def test_each_file_is_a_picture_or_a_typed_error_within_its_means(
    seen: dict[str, dict[str, object]], name: str
) -> None:
    found = seen[name]
    assert set(found["told"]) <= {  # type: ignore[call-overload]
        "a picture",
        "image_unreadable",
        "image_too_large",
        "image_format_unsupported",
    }
    assert float(str(found["mebibytes"])) < MOST_MEBIBYTES
    assert float(str(found["seconds"])) < MOST_SECONDS
    if name.startswith("claims too much"):
        assert found["told"] == ["image_too_large", "image_too_large"]
