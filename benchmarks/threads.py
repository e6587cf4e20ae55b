"""How many threads should decode, and how many should share a forward pass: `python -m benchmarks.threads`.

Each split runs the same images through `service.embedding.image_line`, one after the other and 32 at a time, in turn
with the others; the rule that the measurement led to stands in docs/benchmarks.md.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.images import jpeg_crops
from benchmarks.machine import describe
from benchmarks.spread import Spread
from encoders.catalog import load_encoder
from encoders.decode import DecodeLimits
from encoders.encoder import Encoder
from encoders.image_encoder import ImageEncoder
from encoders.runtime.onnx_runtime import OnnxRuntime
from service.embedding.embedder import Embedder, passes_of
from service.embedding.forward_lane import ForwardLane
from service.embedding.image_line import ImageLine
from service.metrics import Metrics
from service.settings import Settings

_IMAGES, _CROWD, _ROUNDS = 96, 32, 5


def main() -> None:
    """Measure the splits and print a row for each."""
    with tempfile.TemporaryDirectory() as folder:
        crops = jpeg_crops(_IMAGES)
        cores = Settings(data=Path(folder)).worker_threads
        splits = sorted({(forward, decode) for forward in (1, cores) for decode in (1, cores, 2 * cores)})
        encoders = {threads: _encoder(Path(folder), threads) for threads in {forward for forward, _ in splits}}
        alone: dict[tuple[int, int], list[float]] = {split: [] for split in splits}
        crowd: dict[tuple[int, int], list[float]] = {split: [] for split in splits}
        for _ in range(_ROUNDS):
            for forward, decode in splits:
                alone[forward, decode].append(asyncio.run(_ms(encoders[forward], decode, crops[:32], 1)))
                crowd[forward, decode].append(asyncio.run(_ms(encoders[forward], decode, crops, _CROWD)))
    lines = [
        "| threads of a forward pass | that decode | alone, ms an image | 32 at a time, ms an image |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {forward} | {decode} | {Spread(tuple(alone[forward, decode])).told(1)} | "
        f"{Spread(tuple(crowd[forward, decode])).told(1)} |"
        for forward, decode in splits
    ]
    sys.stdout.write("\n".join([*lines, "", describe(), ""]))


def _encoder(store: Path, threads: int) -> Encoder:
    known = load_encoder("efficientnet-lite0", store=store, device="cpu")
    path = store / "onnx" / f"{known.identity.trunk}.onnx"
    return ImageEncoder(known.identity, known.preprocessing, OnnxRuntime(path, threads=threads))


async def _ms(encoder: Encoder, decoders: int, images: Sequence[bytes], crowd: int) -> float:
    lane = ForwardLane(Metrics())
    line = ImageLine(decoders, lane)
    passes = passes_of([Embedder(encoder, DecodeLimits())])
    waiting = iter(images)

    async def client() -> None:
        for image in waiting:
            await line.run(passes, passes.look_up([image]))

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(crowd)))
    seconds = time.perf_counter() - begin
    line.close()
    lane.close()
    return 1000 * seconds / len(images)


if __name__ == "__main__":
    main()
