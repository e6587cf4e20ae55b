"""From queries to the selections that answer them. REST and the command line share it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from index.pool import Pool
from index.selection.select import Chosen, select
from invariantselect.errors import InvariantSelectError
from invariantselect.flows.paths import image_path
from invariantselect.wire.options import CentreQueries, SelectionOptions, Strategy
from invariantselect.wire.selections import Comparison, Selected, Selection, Timings
from service.given_query import GivenQuery
from service.resolving import EmbedderOf, Resolved, resolve_in
from service.searched_space import SearchedSpace, searched_spaces
from service.tracing.stages import tell_choice

__all__ = ["compare", "select_each", "select_one"]


def select_one(pool: Pool, query: GivenQuery, options: SelectionOptions, embedder_of: EmbedderOf) -> Selection:
    """The selection for one query.

    Args:
        pool: Where demonstrations are chosen from.
        query: What they are chosen for.
        options: How.
        embedder_of: Makes what embeds for this pool; called only for a query by image.

    Raises:
        InvariantSelectError: Whatever is wrong with the query, the options or the pool.
    """
    return _sound(select_each(pool, [query], options, embedder_of)[0])


def compare(
    pool: Pool, query: GivenQuery, options: Mapping[Strategy, SelectionOptions], embedder_of: EmbedderOf
) -> Comparison:
    """The selections of several strategies for one query, whose image is decoded once and encoded once by each trunk.

    Args:
        pool: Where demonstrations are chosen from, at one moment for all strategies.
        query: What they are chosen for.
        options: How, by strategy, at least one; the selections come in this order.
        embedder_of: Makes what embeds for this pool; called only for a query by image.

    Raises:
        InvariantSelectError: Whatever is wrong with the query, the options, the pool or one of the strategies.
    """
    spaces = searched_spaces(pool, options)
    resolved = resolve_in(list(spaces.values()), [query], embedder_of)
    selections: dict[str, Selection] = {}
    for strategy, asked in options.items():
        space = spaces[strategy]
        selections[strategy] = _sound(_answers(pool, space, resolved[space.number], asked)[0])
    return Comparison(pool=pool.name, selections=selections)


def select_each(
    pool: Pool,
    queries: Sequence[GivenQuery | InvariantSelectError],
    options: SelectionOptions,
    embedder_of: EmbedderOf,
    *,
    centre_queries: CentreQueries = "never",
) -> list[Selection | InvariantSelectError]:
    """A selection for each query, or what is wrong with it; one broken query leaves the others alone.

    All are answered from one snapshot, and each as it would be alone, unless queries are centred together.

    Args:
        pool: Where demonstrations are chosen from.
        queries: What they are chosen for; an error stays in its place.
        options: How, for all of them.
        embedder_of: Makes what embeds for this pool; called only if there is a query by image.
        centre_queries: See `invariantselect.wire.selections.SelectBatchRequest`.

    Raises:
        InvariantSelectError: What is wrong with all of them: the filter, the pool, the encoder.
    """
    space = searched_spaces(pool, [options.strategy])[options.strategy]
    resolved = resolve_in([space], queries, embedder_of, centre_queries)
    return _answers(pool, space, resolved[space.number], options)


def _answers(
    pool: Pool,
    space: SearchedSpace,
    resolved: Sequence[Resolved | InvariantSelectError],
    options: SelectionOptions,
) -> list[Selection | InvariantSelectError]:
    sound = [each for each in resolved if isinstance(each, Resolved)]
    began = time.time_ns()
    chosen = select(space.snapshot, [each.query for each in sound], options)
    tell_choice(began, options.strategy, chosen)
    in_turn = iter(chosen)
    return [
        each if isinstance(each, InvariantSelectError) else _answer(pool, space, options, each, next(in_turn))
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
                metadata=dict(stored.metadata),
            )
        )
    return demonstrations
