"""The walk of the demo: images, ingest, a selection to look at, a table of figures, and what to do next."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path
from urllib.parse import quote

from index.pool import Pool
from index.selection.query import ResolvedQuery
from invariantselect.errors import InvariantSelectError
from invariantselect.wire import SelectionOptions
from service.cli.answering import page_of, pool_embedder, read_question
from service.cli.ingest import print_report
from service.cli.intake_progress import progress_bar, take_in_with_progress
from service.cli.selection_tables import print_selection
from service.cli.terminal import print_table, results
from service.cli.workplace import decode_limits, open_pools, read_settings
from service.demo.accuracy import Asked, DomainAccuracy, K, accuracy_by_domain
from service.demo.domains import DOMAINS
from service.demo.images import DEFAULT_RECIPE, DemoImages, Recipe, build_images
from service.embedding import Embedder
from service.selecting import select_one
from service.settings import Settings

__all__ = ["POOL", "tour"]

POOL = "digits"
HELD_OUT = "photo"
SHOWN = 7  # the digit of the query that is looked at
_AT_ONCE = 64


def tour(out: Path, recipe: Recipe = DEFAULT_RECIPE) -> None:
    """Build, take in, select, judge; then say how to go on.

    Args:
        out: Where the images and the pool are put; what is there already is not made again.
        recipe: How many images.
    """
    began = time.perf_counter()
    settings = read_settings(out)
    images = build_images(out, recipe)
    _say(1, f"Handwritten digits in four domains: {', '.join(DOMAINS)}")
    results().print(f"Written to {images.pool}/<domain>/<class>/, and others to ask about to {images.queries}/.")

    _say(2, f"Ingest: every image becomes a vector in the pool '{POOL}'")
    print_report(POOL, take_in_with_progress(settings, images.pool, POOL, None))
    query = next(path for path, label in images.queries_of(HELD_OUT) if label == str(SHOWN))
    page = out / "selection.html"
    with open_pools(settings) as pools:
        pool = pools.open(POOL)
        embedder = pool_embedder(settings, pool)
        _say(3, f"Select: {K} demonstrations for a {SHOWN} of the domain {HELD_OUT}, as if the pool had no {HELD_OUT}")
        _look(settings, pool, embedder, query, page)
        _say(4, f"Does it help? Each domain once as the unseen one; {K} demonstrations vote for the label")
        _print_accuracies(accuracy_by_domain(pool.snapshot(), _embed_queries(embedder, images)))

    _say(None, f"Done in {time.perf_counter() - began:.0f} s. What next?")
    _print_next_steps(out, page, query)


def _say(step: int | None, what: str) -> None:
    results().print(f"\n{'' if step is None else f'{step}/4  '}{what}\n", style="bold")


def _look(settings: Settings, pool: Pool, embedder: Embedder, query: Path, page: Path) -> None:
    """Select for one query, print the table and write the page."""
    limits = decode_limits(settings)
    options = SelectionOptions(k=K, where={"domain": {"not": HELD_OUT}})
    question = read_question(str(query), group=None, domain=HELD_OUT, limits=limits)
    selection = select_one(pool, question.given, options, lambda _: embedder)
    print_selection(selection)
    page.write_text(
        page_of(pool, question, selection, options, limits, label=str(SHOWN)),
        encoding="utf-8",
    )
    results().print(f"\nThe same with pictures: {page}")


def _embed_queries(embedder: Embedder, images: DemoImages) -> dict[str, list[Asked]]:
    found = {domain: images.queries_of(domain) for domain in DOMAINS}
    asked: dict[str, list[Asked]] = {domain: [] for domain in DOMAINS}
    with progress_bar() as bar:
        task = bar.add_task("Encoding the queries", total=sum(len(files) for files in found.values()))
        for domain, files in found.items():
            for start in range(0, len(files), _AT_ONCE):
                some = files[start : start + _AT_ONCE]
                for (_, label), image in zip(
                    some, embedder.embed([path.read_bytes() for path, _ in some]), strict=True
                ):
                    if isinstance(image, InvariantSelectError):
                        raise image
                    asked[domain].append(Asked(ResolvedQuery(image.vector, sha256=image.sha256), label))
                bar.advance(task, len(some))
    return asked


def _print_accuracies(rows: list[DomainAccuracy]) -> None:
    heads = ["random", "nearest", "nearest, domain known"]
    figures = [[row.random, row.nearest, row.at_home] for row in rows]
    means = [sum(column) / len(column) for column in zip(*figures, strict=True)]
    names = [*(row.domain for row in rows), "mean"]
    print_table(
        ["unseen domain", *heads],
        [(name, *(f"{figure:.2f}" for figure in line)) for name, line in zip(names, [*figures, means], strict=True)],
        right=heads,
    )
    results().print(
        "\nNearest beats random, and loses much of its lead where the domain is new: compare with the last column,\n"
        "where the pool knows the query's domain. That gap is what this project is about."
    )


def _print_next_steps(out: Path, page: Path, query: Path) -> None:
    program = shlex.quote(_program())
    data, shown, image = (shlex.quote(str(path)) for path in (out, page, query))
    options = quote('{"k": 7}')
    lines = [
        ("Look at it", f"open {shown} in a browser"),
        ("Serve it", f"{program} serve --data {data}"),
        (
            "and ask it",
            f"curl -s -H 'Content-Type: image/png' --data-binary @{image} "
            f"'http://127.0.0.1:8000/v1/pools/{POOL}/select?options={options}'",
        ),
        ("Your own images", f"{program} ingest FOLDER --pool NAME    (FOLDER/<domain>/<class>/<image>)"),
        ("", f"{program} select IMAGE --pool NAME --html selection.html"),
    ]
    for name, line in lines:
        results().print(f"  {name:<16} {line}", soft_wrap=True)


def _program() -> str:
    """How this installation's command is called from here."""
    beside = Path(sys.executable).parent / "invariantselect"
    return os.path.relpath(beside) if beside.exists() else "invariantselect"
