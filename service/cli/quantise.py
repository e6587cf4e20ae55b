"""``invariantselect quantise``"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.arguments import DEFAULT_DATA, AsJson, Data

if TYPE_CHECKING:
    from encoders.decode import DecodeLimits
    from encoders.quantisation.making import Labelled
    from encoders.quantised_tower import Effect, QuantisedTower
    from index.sources import Source

__all__ = ["quantise"]


def quantise(
    encoder: Annotated[str, typer.Argument(metavar="ENCODER", help="Name of the encoder; not of an adapted one.")],
    images: Annotated[
        Path, typer.Option("--images", metavar="SOURCE", help="Labelled images, as 'ingest' reads them; not taken in.")
    ],
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="New directory of the int8 encoder, and its name.")],
    *,
    calibrate: Annotated[
        int, typer.Option("--calibrate", metavar="N", min=8, max=4096, help="Images that it is fitted to.")
    ] = 256,
    measure: Annotated[
        int, typer.Option("--measure", metavar="N", min=8, max=100_000, help="Other images that it is measured on.")
    ] = 1000,
    neighbours: Annotated[int, typer.Option("-k", min=1, max=100, help="How many nearest are compared.")] = 7,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of the draw of the images.")] = 0,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Make an int8 encoder of an encoder, and measure what that does to retrieval.

    Its vectors lie in a space of their own: a pool is made with the one or the other. What rounding costs is measured
    on images that it wasn't fitted to and stands in its record. Whether it is faster depends on the processor.

    \b
    Examples:
      invariantselect quantise efficientnet-lite0 --images scans/ --to encoders/lite0-int8
      invariantselect ingest scans/ --pool skin --encoder encoders/lite0-int8
    """
    from encoders.quantisation.making import quantise as make
    from index.sources import open_source
    from index.sources.sampled import SampledSource
    from service.cli.intake_progress import progress_bar
    from service.cli.terminal import print_json
    from service.cli.workplace import decode_limits, read_settings

    settings = read_settings(data)
    limits = decode_limits(settings)
    source = SampledSource(open_source(images, limits=limits), size=calibrate + measure, seed=seed)
    store = settings.data / "encoders" if settings.data.is_dir() else None
    with progress_bar() as bar:
        task = bar.add_task("loading the encoder", total=None)
        made = make(
            encoder,
            _shuffled(source, limits, seed),
            to,
            store=store,
            calibrate=calibrate,
            k=neighbours,
            progress=lambda phase, done: bar.update(task, description=phase, completed=done),
        )
    if as_json:
        record = made.quantisation.to_json()
        print_json({"encoder": str(to), "fingerprint": made.fingerprint(), "precision": "int8", "quantisation": record})
    else:
        _show(to, made)


def _shuffled(source: Source, limits: DecodeLimits, seed: int) -> Iterator[Labelled]:
    """The images that can be read, in an order that hangs on the seed; of the others is told why."""
    from encoders.decode import decode
    from encoders.quantisation.making import Labelled
    from index.sources.record import Record, Rejected
    from invariantselect.errors import InvariantSelectError

    records = []
    for item in source:
        if isinstance(item, Record):
            records.append(item)
        elif isinstance(item, Rejected):
            _left_out(item.where, item.error)
    random.Random(seed).shuffle(records)
    for record in records:
        try:
            image = decode(record.read(), limits)
        except (InvariantSelectError, OSError) as error:
            _left_out(record.where, error)
            continue
        yield Labelled(image, record.label, record.domain, record.group)


def _left_out(where: str, error: Exception) -> None:
    from service.cli.terminal import printable, progress

    progress().print(f"left out: {printable(where)} ({printable(error)})", style="dim")


def _show(to: Path, made: QuantisedTower) -> None:
    from service.cli.terminal import print_table, results

    record = made.quantisation
    effect = record.effect
    fitted = f"fitted to {record.calibration_images} images, " if record.kind == "static" else ""
    results().print(f"{to}: int8 of {record.name}, {fitted}measured on {effect.images} others", markup=False)
    print_table(["", "float32", "int8"], _rows(effect), right=["float32", "int8"])


def _rows(effect: Effect) -> Iterator[tuple[str, str | None, str | None]]:
    def told(value: float | None) -> str | None:
        return None if value is None else f"{value:.3f}"

    k = effect.k
    yield f"precision@{k}", told(effect.precision_float32), told(effect.precision)
    yield f"precision@{k} among other domains", told(effect.precision_across_float32), told(effect.precision_across)
    yield f"share of the {k} nearest that stay", None, told(effect.overlap)
    yield "cosine of an image's two vectors, mean", None, told(effect.cosine_mean)
    yield "cosine of an image's two vectors, smallest", None, told(effect.cosine_min)
