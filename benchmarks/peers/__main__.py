"""`python -m benchmarks.peers`: the same image queries here, through `infinity-emb` and FAISS, and `clip-retrieval`.

The peers ask for another NumPy than this project, so each has an environment of its own, whose interpreter is told. All
serve one CLIP ViT-B/32 with random weights; that they give the same vectors is checked before anything is timed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path

from benchmarks.images import jpeg_crops, with_comment
from benchmarks.machine import describe
from benchmarks.peers.ways import OURS, Scene, Way, ours, peers
from benchmarks.report import ROOT, put
from benchmarks.spread import Spread, ratios

BEGIN, END = "<!-- peers:begin -->", "<!-- peers:end -->"
CROWDS = (1, 8, 32)
_CHECKED = 8


def main() -> None:
    """Measure, print the table, and write it into docs/benchmarks.md; `--quick` is a check, and writes nothing."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=main.__doc__)
    parser.add_argument("--infinity", type=Path, metavar="PYTHON", help="of an environment that has infinity-emb")
    parser.add_argument("--clip-retrieval", type=Path, metavar="PYTHON", help="of one that has clip-retrieval")
    parser.add_argument("--quick", action="store_true", help="few images, one round, writes no file")
    given = parser.parse_args()
    pool_size, images, rounds = (1000, 32, 1) if given.quick else (10_000, 96, 5)
    pythons = {"infinity-emb": given.infinity, "clip-retrieval": given.clip_retrieval}
    there = {name: python for name, python in pythons.items() if python is not None}
    if len(there) < len(pythons) and not given.quick:
        parser.error("the page compares with both: give --infinity and --clip-retrieval, or --quick to check one")
    with tempfile.TemporaryDirectory(prefix="invariantselect-peers-") as name:
        text = _measure(Path(name), there, pool_size=pool_size, images=images, rounds=rounds)
    sys.stdout.write(f"{text}\n")
    if not given.quick:
        put(text, BEGIN, END, ROOT / "docs" / "benchmarks.md")


def _measure(workplace: Path, pythons: Mapping[str, Path], *, pool_size: int, images: int, rounds: int) -> str:
    crops = jpeg_crops(images)
    with ExitStack() as stack:
        scene = Scene.prepared(workplace, crops[:_CHECKED], pool_size)
        spreads = _in_turn({**ours(stack, scene), **peers(stack, scene, pythons)}, crops, rounds)
    return _table(spreads, pythons, pool_size)


def _in_turn(ways: Mapping[str, Way], crops: Sequence[bytes], rounds: int) -> dict[tuple[int, str], Spread]:
    """Milliseconds an image, by the number of clients and the way."""
    taken: dict[tuple[int, str], list[float]] = {(clients, name): [] for clients in CROWDS for name in ways}
    for number in range(-1, rounds):  # the first round warms up
        for (clients, name), so_far in taken.items():
            unseen = [with_comment(crop, f"{clients}-{number}") for crop in crops]
            seconds = ways[name](unseen, clients)
            if number >= 0:
                so_far.append(1000 * seconds / len(crops))
    return {key: Spread(tuple(each)) for key, each in taken.items()}


def _table(spreads: Mapping[tuple[int, str], Spread], pythons: Mapping[str, Path], pool_size: int) -> str:
    lines = ["| clients | way | ms an image | to REST select |", "|---|---|---|---|"]
    for (clients, name), spread in spreads.items():
        ratio = "1" if name == OURS else ratios(spread, spreads[clients, OURS]).told()
        lines.append(f"| {clients} | {name} | {spread.told(1)} | {ratio} |")
    there = "; ".join(_versions(name, python) for name, python in pythons.items())
    lines += [
        "",
        f"Median (minimum–maximum) of {len(spread.rounds)} rounds, the rows in turn; 400 × 400 JPEG, CLIP ViT-B/32 in "
        f"float32, {pool_size:,} vectors. {there}. {describe()}; {date.today()}.",
    ]
    return "\n".join(lines)


def _versions(name: str, python: Path) -> str:
    asked = f"import importlib.metadata as m; print(*(m.version(each) for each in ({name!r}, 'torch', 'numpy')))"
    told = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=True).stdout.split()
    return f"`{name}` {told[0]} with torch {told[1]} and NumPy {told[2]}"


if __name__ == "__main__":
    main()
