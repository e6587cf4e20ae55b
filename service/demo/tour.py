"""The walk of the demo: images, ingest, a selection, an adaptation, both strategies side by side, what to do next."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from index.encoder_version import EncoderVersion
from index.intake_report import IntakeReport
from index.pool import Pool
from index.sources import open_source
from invariantselect.wire import SelectionOptions
from invariantselect.wire.adaptation import AdaptRequest
from service.cli.adaptation_tables import print_adaptation
from service.cli.answering import page_of, pool_embedder, read_question
from service.cli.ingest import print_report
from service.cli.intake_progress import progress_bar, take_in_with_progress
from service.cli.job_here import do_here
from service.cli.job_progress import failure_of
from service.cli.selection_tables import print_comparison, print_selection
from service.cli.terminal import results
from service.cli.workplace import decode_limits, open_pools, read_settings
from service.demo.accuracy import STRATEGIES, Asked, DomainAccuracy, K, accuracy_by_domain
from service.demo.domains import DOMAINS, HELD_OUT
from service.demo.figures import print_accuracies
from service.demo.images import DEFAULT_RECIPE, DemoImages, Recipe, build_images
from service.demo.next_steps import print_next_steps
from service.embedding.embedder import Embedder
from service.embedding.embedding_cache import EmbeddingCache
from service.metrics import Metrics
from service.selecting.selections import compare, select_one
from service.settings import Settings

__all__ = ["ADAPTATION", "POOL", "tour"]

POOL = "handwriting"
ADAPTATION = AdaptRequest(budget_seconds=90)
_SHOWN = 7  # the digit of the query that is looked at
_STEPS = 5
_CACHE_BYTES = 32 << 20


def tour(out: Path, recipe: Recipe = DEFAULT_RECIPE, adaptation: AdaptRequest = ADAPTATION) -> None:
    """Build, take in, select, adapt, judge; then say how to go on.

    Args:
        out: Where the images and the pool are put; what is there already is not made again.
        recipe: How many images.
        adaptation: How deep, and how long it may take.
    """
    began = time.perf_counter()
    settings = read_settings(out, database_url=None, images_url=None)  # the demo's folder is its own
    images = build_images(out, recipe)
    known = [domain for domain in DOMAINS if domain != HELD_OUT]
    _say(1, f"Handwritten digits: a pool of the domains {', '.join(known)}, and queries of {HELD_OUT}, which it lacks")
    results().print(f"Written to {images.pool}/<domain>/<class>/, and others to ask about to {images.queries}/.")

    _say(2, f"Ingest: every image becomes a vector in the pool '{POOL}'")
    print_report(POOL, _taken_in(settings, images.pool))
    query = next(path for path, label in images.queries_of(HELD_OUT) if label == str(_SHOWN))
    with open_pools(settings) as pools:
        pool = pools.open(POOL)
        _say(
            3, f"Select: {K} demonstrations for a {_SHOWN} of the domain {HELD_OUT}, the nearest to the frozen encoder"
        )
        _look(settings, pool, query)
        _say(4, "Adapt: the encoder learns, on domains held out in turn, to see the digit rather than the domain")
        _adapt(settings, pool, adaptation)
        _say(
            5, f"Does it help? {K} demonstrations vote for the label of {HELD_OUT}s, and of new scans of known domains"
        )
        page = _compare(settings, pool, query, out / "comparison.html")
        rows = _accuracies(settings, pool, images)
        print_accuracies(rows)

    _say(None, f"Done in {time.perf_counter() - began:.0f} s. What next?")
    print_next_steps(out, POOL, list(rows[0].by_strategy)[-1], page, query)


def _taken_in(settings: Settings, folder: Path) -> IntakeReport:
    source = open_source(folder, limits=decode_limits(settings))
    return take_in_with_progress(settings, source, POOL, None, called=folder.name)


def _say(step: int | None, what: str) -> None:
    results().print(f"\n{'' if step is None else f'{step}/{_STEPS}  '}{what}\n", style="bold")


def _look(settings: Settings, pool: Pool, query: Path) -> None:
    """Select for one query."""
    question = read_question(str(query), group=None, domain=HELD_OUT, limits=decode_limits(settings))
    embedder_of = partial(pool_embedder, settings, pool)
    print_selection(select_one(pool, question.given, SelectionOptions(k=K), embedder_of).here())


def _adapt(settings: Settings, pool: Pool, request: AdaptRequest) -> None:
    """Adapt the pool, unless an earlier walk did."""
    serving = pool.serving()
    if serving is not None:
        results().print(f"Version {serving.number} serves since an earlier demo; it isn't made again.")
        return
    results().print(
        f"This takes about {request.budget_seconds / 60:.1f} minutes, and a little more to encode the pool."
    )
    job = do_here(settings, "adapt", request, POOL, encoder=pool.encoder)
    failure = failure_of(job)
    if failure is not None:
        raise failure
    print_adaptation(job)


def _compare(settings: Settings, pool: Pool, query: Path, page: Path) -> Path:
    """Both strategies for one query, as a table and as a page with pictures."""
    limits = decode_limits(settings)
    question = read_question(str(query), group=None, domain=HELD_OUT, limits=limits)
    shown = STRATEGIES[1:] if pool.serving() else STRATEGIES[1:2]
    options = {strategy: SelectionOptions(k=K, strategy=strategy) for strategy in shown}
    comparison = compare(pool, question.given, options, partial(pool_embedder, settings, pool)).here()
    print_comparison(comparison)
    html = page_of(pool, question, comparison, options[shown[0]], limits, label=str(_SHOWN))
    page.write_text(html, encoding="utf-8")
    results().print(f"\nThe same with pictures: {page}\n")
    return page


def _accuracies(settings: Settings, pool: Pool, images: DemoImages) -> list[DomainAccuracy]:
    asked = {
        domain: [Asked(path.read_bytes(), label) for path, label in images.queries_of(domain)]
        for domain in (HELD_OUT, *(domain for domain in DOMAINS if domain != HELD_OUT))
    }
    strategies = STRATEGIES if pool.serving() else STRATEGIES[:2]
    with progress_bar() as bar:
        task = bar.add_task("Answering", total=len(strategies) * sum(len(queries) for queries in asked.values()))
        return accuracy_by_domain(
            pool, asked, _embedders(settings, pool), strategies, lambda count: bar.advance(task, count)
        )


def _embedders(settings: Settings, pool: Pool) -> Callable[[EncoderVersion | None], Embedder]:
    """Each encoder loaded once, and each query encoded once by each, whatever the number of strategies."""
    metrics = Metrics()
    vectors = EmbeddingCache(_CACHE_BYTES, None, metrics)
    loaded: dict[int | None, Embedder] = {}

    def embedder_of(version: EncoderVersion | None) -> Embedder:
        number = None if version is None else version.number
        if number not in loaded:
            plain = pool_embedder(settings, pool, version)
            loaded[number] = Embedder(plain.encoder, plain.limits, cache=vectors, metrics=metrics)
        return loaded[number]

    return embedder_of
