"""How long a forward pass takes in each runtime: `python -m benchmarks.runtimes [--keep DIR] [TOWER…]`.

A tower is `efficientnet-lite0` or open_clip's name of a model, whose weights are random: they cost no less than
trained ones. Runtimes take turns, alone and in batches of eight, with one thread each, whose time on the processor is
told: what else the machine does hardly changes it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import numpy as np
import torch

from benchmarks.machine import describe
from benchmarks.report import ROOT, put
from benchmarks.spread import Spread, ratios
from encoders import efficientnet_lite0, open_clip_tower
from encoders.preprocess import Preprocessing
from encoders.quantisation.rounding import kind_of, round_tower
from encoders.runtime.onnx_cache import exported
from encoders.runtime.onnx_runtime import OnnxRuntime
from encoders.runtime.runtime import Runtime
from encoders.runtime.torch_runtime import TorchRuntime
from encoders.state_digest import state_digest
from encoders.tower import Tower

BEGIN, END = "<!-- runtimes:begin -->", "<!-- runtimes:end -->"
_TOWERS = ("efficientnet-lite0", "ViT-B-32", "RN50")
_SIZES, _ROUNDS, _CALIBRATE = (1, 8), 5, 8


def main() -> None:
    """Measure the towers and print a row for each runtime; of all towers, write them into docs/encoders.md, too."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.runtimes")
    parser.add_argument("towers", nargs="*", default=_TOWERS)
    parser.add_argument("--keep", type=Path, help="keep the exports here, which take minutes to make")
    given = parser.parse_args()
    torch.set_num_threads(1)
    with ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ready = {name: _runtimes(name, folder) for name in given.towers}
        lines = [
            "| tower | in | alone, ms | to torch | eight at once, ms an image | to torch |",
            "|---|---|---|---|---|---|",
        ]
        for name, (side, runtimes) in ready.items():
            lines += _rows(name, side, runtimes)
    text = "\n".join([*lines, "", f"{describe()}; {date.today()}."])
    sys.stdout.write(f"{text}\n")
    if tuple(given.towers) == _TOWERS:
        put(text, BEGIN, END, ROOT / "docs" / "encoders.md")


def _runtimes(name: str, folder: Path) -> tuple[int, dict[str, Runtime]]:
    tower = efficientnet_lite0.packaged_tower() if name == efficientnet_lite0.NAME else _random(name)
    export = exported(tower, folder)
    rounded, side = export.path.with_suffix(".int8"), tower.preprocessing.size
    kind = kind_of(export.path)
    batch = 1 if kind == "dynamic" else None
    if not rounded.exists():
        round_tower(export.path, rounded, iter(_images(side, _CALIBRATE)), kind)
    return side, {
        "torch": TorchRuntime(tower.build()),
        "ONNX Runtime": OnnxRuntime(export.path, threads=1, batch=export.batch),
        f"ONNX Runtime, int8, {kind}": OnnxRuntime(rounded, threads=1, precision="int8", batch=batch),
    }


def _random(name: str) -> Tower:
    torch.manual_seed(0)
    architecture = open_clip_tower._architecture(open_clip_tower._config(name))
    module = open_clip_tower.build_module(architecture)
    side = architecture["vision_cfg"].get("image_size", 224)
    preprocessing = Preprocessing(side, "squash", "bicubic", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    weights = state_digest(module.state_dict())
    return Tower(architecture, preprocessing, "tower", architecture["embed_dim"], weights, lambda: module)


def _images(side: int, number: int) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.5, (number, 3, side, side)).astype(np.float32)


def _rows(name: str, side: int, runtimes: dict[str, Runtime]) -> list[str]:
    rounds: dict[tuple[str, int], list[float]] = {(label, size): [] for label in runtimes for size in _SIZES}
    for size in _SIZES:
        images = _images(side, size)
        for number in range(-1, _ROUNDS):  # the first round warms up
            for label, runtime in runtimes.items():
                taken = _ms(runtime, images)
                if number >= 0:
                    rounds[label, size].append(taken)
    spreads = {key: Spread(tuple(taken)) for key, taken in rounds.items()}
    cells = {
        key: f"{spread.told(1)} | {ratios(spread, spreads['torch', key[1]]).told()}" for key, spread in spreads.items()
    }
    return [f"| {name} | {label} | {' | '.join(cells[label, size] for size in _SIZES)} |" for label in runtimes]


def _ms(runtime: Runtime, images: np.ndarray) -> float:
    step = min(runtime.batch, len(images))
    begin = time.thread_time()
    for start in range(0, len(images), step):
        runtime.features(images[start : start + step])
    return 1000 * (time.thread_time() - begin) / len(images)


if __name__ == "__main__":
    main()
