"""From queries to the selections that answer them. REST and the command line share it.

What is returned is work that has begun, on the snapshot of that moment: its images have still to be encoded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from index.pool import Pool
from index.selection.select import Chosen, select
from invariantselect.errors import InvariantSelectError
from invariantselect.flows.paths import image_path
from invariantselect.wire.options import CentreQueries, SelectionOptions, Strategy
from invariantselect.wire.selections import Comparison, Selected, Selection, Timings
from service.embedding.embedder import Passed
from service.embedding.ending import Together
from service.embedding.given_up import check_wanted
from service.embedding.image_work import ImageWork
from service.selecting.given_query import GivenQuery
from service.selecting.resolving import Asked, EmbedderOf, Resolved, ask
from service.selecting.searched_space import SearchedSpace, searched_spaces

__all__ = ["compare", "select_each", "select_one"]

T = TypeVar("T")


def select_one(
    pool: Pool, query: GivenQuery, options: SelectionOptions, embedder_of: EmbedderOf
) -> ImageWork[Selection]:
    """The selection for one query.

    Args:
        pool: Where demonstrations are chosen from.
        query: What they are chosen for.
        options: How.
        embedder_of: Makes what embeds for this pool; called only for a query by image.

    Raises:
        InvariantSelectError: Whatever is wrong with the query, the options or the pool; the work, too.
    """
    space = searched_spaces(pool, [options.strategy])[options.strategy]
    asked = ask([space], [query], embedder_of)

    def prepare(passed: Sequence[Passed | InvariantSelectError]) -> Resolved | InvariantSelectError:
        return asked.resolved(passed)[space.number][0]

    def finish(prepared: Sequence[Resolved | InvariantSelectError]) -> Sequence[Selection | InvariantSelectError]:
        return _answers(pool, space, prepared, options)

    # Of one snapshot and one set of options, several queries are searched as if each were alone. A body in JSON is its
    # options and its query in one: the query, which has the image, stays out.
    alike = options.model_dump_json(include=set(SelectionOptions.model_fields))
    key = (pool.key, space.snapshot, space.stale, alike)
    images, embedders = list(asked.images.values()), list(asked.embedders.values())
    return ImageWork(
        images, embedders, lambda passed: _sound(finish([prepare(passed)])[0]), Together(key, prepare, finish)
    )


def compare(
    pool: Pool, query: GivenQuery, options: Mapping[Strategy, SelectionOptions], embedder_of: EmbedderOf
) -> ImageWork[Comparison]:
    """The selections of several strategies for one query, whose image is decoded once and encoded once by each trunk.

    Args:
        pool: Where demonstrations are chosen from, at one moment for all strategies.
        query: What they are chosen for.
        options: How, by strategy, at least one; the selections come in this order.
        embedder_of: Makes what embeds for this pool; called only for a query by image.

    Raises:
        InvariantSelectError: Whatever is wrong with the query, the options, the pool or one of the strategies; the
            work, too.
    """
    spaces = searched_spaces(pool, options)
    asked = ask(list(spaces.values()), [query], embedder_of)

    def finish(passed: Sequence[Passed | InvariantSelectError]) -> Comparison:
        resolved = asked.resolved(passed)
        selections: dict[str, Selection] = {}
        for strategy, wanted in options.items():
            space = spaces[strategy]
            selections[strategy] = _sound(_answers(pool, space, resolved[space.number], wanted)[0])
        return Comparison(pool=pool.name, selections=selections)

    return _work(asked, finish)


def select_each(
    pool: Pool,
    queries: Sequence[GivenQuery | InvariantSelectError],
    options: SelectionOptions,
    embedder_of: EmbedderOf,
    *,
    centre_queries: CentreQueries = "never",
) -> ImageWork[list[Selection | InvariantSelectError]]:
    """A selection for each query, or what is wrong with it; one broken query leaves the others alone.

    All are answered from one snapshot, and each as it would be alone, unless queries are centred together.

    Args:
        pool: Where demonstrations are chosen from.
        queries: What they are chosen for; an error stays in its place.
        options: How, for all of them.
        embedder_of: Makes what embeds for this pool; called only if there is a query by image.
        centre_queries: See `invariantselect.wire.selections.SelectBatchRequest`.

    Raises:
        InvariantSelectError: What is wrong with all of them (the filter, the pool, the encoder); the work, too.
    """
    space = searched_spaces(pool, [options.strategy])[options.strategy]
    asked = ask([space], queries, embedder_of)

    def finish(passed: Sequence[Passed | InvariantSelectError]) -> list[Selection | InvariantSelectError]:
        return _answers(pool, space, asked.resolved(passed, centre_queries)[space.number], options)

    return _work(asked, finish)


def _work(asked: Asked, finish: Callable[[Sequence[Passed | InvariantSelectError]], T]) -> ImageWork[T]:
    return ImageWork(list(asked.images.values()), list(asked.embedders.values()), finish)


def _answers(
    pool: Pool,
    space: SearchedSpace,
    resolved: Sequence[Resolved | InvariantSelectError],
    options: SelectionOptions,
) -> list[Selection | InvariantSelectError]:
    sound = [each for each in resolved if isinstance(each, Resolved)]
    chosen = iter(select(space.snapshot, [each.query for each in sound], options, check=check_wanted))
    return [
        each if isinstance(each, InvariantSelectError) else _answer(pool, space, options, each, next(chosen))
        for each in resolved
    ]


def _sound(answer: Selection | InvariantSelectError) -> Selection:
    if isinstance(answer, InvariantSelectError):
        raise answer
    return answer


def _answer(
    pool: Pool, space: SearchedSpace, options: SelectionOptions, resolved: Resolved, chosen: Chosen
) -> Selection:
    return Selection(
        pool=pool.name,
        snapshot=space.snapshot.version,
        encoder=space.encoder,
        encoder_version=space.number,
        fingerprint=space.snapshot.fingerprint,
        strategy=options.strategy,
        k=options.k,
        shortfall=chosen.shortfall,
        demonstrations=_selected(pool, space, chosen),
        timings=Timings(
            decode_ms=resolved.decode_ms,
            encode_ms=resolved.encode_ms,
            search_ms=chosen.search_ms,
            select_ms=chosen.select_ms,
        ),
        centred_by=resolved.centred_by,
        stale=space.stale,
    )


def _selected(pool: Pool, space: SearchedSpace, chosen: Chosen) -> list[Selected]:
    demonstrations = []
    for position, score, rank in zip(chosen.positions, chosen.scores, chosen.ranks, strict=True):
        stored = space.snapshot.demonstration(int(position))
        demonstrations.append(
            Selected(
                id=stored.id,
                label=stored.label,
                domain=stored.domain,
                group=stored.group,
                score=float(score),
                rank=int(rank),
                image_url=image_path(pool.name, stored.id),
                media_type=stored.media_type,
                image_sha256=stored.sha256,
                metadata=dict(stored.metadata),
            )
        )
    return demonstrations
