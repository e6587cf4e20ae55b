"""The whole meaning of a selection, written straight down: sort everything, then choose one at a time.

Shares no code with the product and knows no shortcuts; slow and plain on purpose.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from index.selection.query import ResolvedQuery
from invariantselect.wire.options import SelectionOptions
from tests.index.selection.memory_pool import Record, similarity

Scored = tuple[Record, float]
Gain = Callable[[Scored], float]


def reference(
    records: Sequence[Record], query: ResolvedQuery, options: SelectionOptions
) -> tuple[list[tuple[str, float, int]], int]:
    """(id, score, rank) in prompt order, and the shortfall."""
    scored = [(record, similarity(query.vector, record.vector)) for record in records if record.alive]
    possible = [record for record, _ in scored if allowed_unseen(record, query, options, records)]
    scored = [(record, score) for record, score in scored if record in possible]
    scored = [(record, score) for record, score in scored if may_be_chosen(record, score, query, options)]
    if options.strategy == "random":
        scored.sort(key=lambda item: drawn(options.seed, query, item[0].row))
    else:
        scored.sort(key=lambda item: (-item[1], item[0].id))
    chosen = (
        diverse(scored, options, possible)
        if options.diversity is not None
        else greedy(scored, options, lambda _: lambda _: 0.0)
    )
    by_rank = sorted(chosen, key=lambda item: (-item[1], item[0].id))
    rank = {record.id: number for number, (record, _) in enumerate(by_rank, start=1)}
    prompt = in_prompt_order(by_rank, query, options)
    return [(record.id, score, rank[record.id]) for record, score in prompt], options.k - len(prompt)


def may_be_chosen(record: Record, score: float, query: ResolvedQuery, options: SelectionOptions) -> bool:
    above = options.exclude.near_duplicates_above
    return record.sha256 != query.sha256 and (above is None or score < above - 1e-6)


def allowed_unseen(record: Record, query: ResolvedQuery, options: SelectionOptions, records: Sequence[Record]) -> bool:
    """What neither a score nor a content tells."""
    exclude = options.exclude
    if record.id in (*exclude.ids, query.id):
        return False
    own = {query.group} if query.group is not None else {other.group for other in records if same_image(other, query)}
    if exclude.own_group and record.group in own - {None}:
        return False
    return all(holds(record, name, condition) for name, condition in options.where.items())


def same_image(record: Record, query: ResolvedQuery) -> bool:
    return record.alive and query.sha256 is not None and record.sha256 == query.sha256


def holds(record: Record, name: str, condition: object) -> bool:
    value = record.metadata.get(name[9:]) if name.startswith("metadata.") else getattr(record, name)
    if not isinstance(condition, dict):
        return same(value, condition)
    for operator, operand in condition.items():
        if operator == "eq" and not same(value, operand):
            return False
        if operator == "in" and not any(same(value, each) for each in operand):
            return False
        if operator == "not" and any(
            same(value, each) for each in (operand if isinstance(operand, list) else [operand])
        ):
            return False
    return True


def same(one: object, other: object) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def diverse(scored: Sequence[Scored], options: SelectionOptions, possible: Sequence[Record]) -> list[Scored]:
    assert options.diversity is not None
    lambda_ = options.diversity.lambda_
    gain = mmr if options.diversity.method == "mmr" else dpp
    window = options.diversity.candidates
    most = min(
        admitted([record.group for record in possible], options.max_per_group),
        admitted([record.domain for record in possible], options.max_per_domain),
    )
    while True:
        seen: Counter[str] = Counter()
        among = []
        for item in scored:
            stratum = "" if options.label_balance == "none" else item[0].label
            if seen[stratum] < window:
                among.append(item)
            seen[stratum] += 1
        chosen = greedy(among, options, lambda taken: gain(taken, lambda_))
        if len(chosen) == options.k or len(among) == len(scored) or len(chosen) >= most:
            return chosen
        window *= 4


def admitted(values: Sequence[str | None], cap: int | None) -> int:
    """How many a cap lets be taken: one after the other, as long as there is room."""
    taken: Counter[str | None] = Counter()
    for value in values:
        if cap is None or value is None or taken[value] < cap:
            taken[value] += 1
    return taken.total()


def mmr(taken: Sequence[Scored], lambda_: float) -> Gain:
    def gain(item: Scored) -> float:
        worst = max((inner(item[0].vector, other.vector) for other, _ in taken), default=0.0)
        return lambda_ * item[1] - (1 - lambda_) * worst

    return gain


def dpp(taken: Sequence[Scored], lambda_: float) -> Gain:
    """Relevance plus the log of how much the determinant grows, by solving the full system each time."""
    basis: list[Record] = []
    for record, _ in taken:
        if growth_over(basis)(record) > 1e-10:
            basis.append(record)
    growth = growth_over(basis)

    def gain(item: Scored) -> float:
        grown = growth(item[0])
        return lambda_ * item[1] + (1 - lambda_) * math.log(grown) if grown > 1e-10 else -math.inf

    return gain


def growth_over(basis: Sequence[Record]) -> Callable[[Record], float]:
    """Of a record: det of the kernel over basis and record, divided by det over the basis (the Schur complement)."""
    matrix = np.array([[_kernel(one, other) for other in basis] for one in basis])

    def growth(record: Record) -> float:
        own = _kernel(record, record)
        if not len(matrix):
            return own
        column = np.array([_kernel(one, record) for one in basis])
        return float(own - column @ np.linalg.solve(matrix, column))

    return growth


def _kernel(one: Record, other: Record) -> float:
    return (1 + inner(one.vector, other.vector)) / 2


@lru_cache(maxsize=100_000)
def inner(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def greedy(
    ranked: Sequence[Scored], options: SelectionOptions, gain_after: Callable[[Sequence[Scored]], Gain]
) -> list[Scored]:
    taken: list[Scored] = []
    while len(taken) < options.k:
        gone = {record.id for record, _ in taken}
        groups = Counter(record.group for record, _ in taken)
        domains = Counter(record.domain for record, _ in taken)
        labels = Counter(record.label for record, _ in taken)
        admissible = [
            item
            for item in ranked
            if item[0].id not in gone
            and (
                options.max_per_group is None or item[0].group is None or groups[item[0].group] < options.max_per_group
            )
            and (
                options.max_per_domain is None
                or item[0].domain is None
                or domains[item[0].domain] < options.max_per_domain
            )
        ]
        if options.label_balance == "even" and admissible:
            fewest = min(labels[record.label] for record, _ in admissible)
            admissible = [item for item in admissible if labels[item[0].label] == fewest]
        if options.label_balance == "cover":
            admissible = [item for item in admissible if labels[item[0].label] == 0] or admissible
        if not admissible:
            break
        # max takes the first of equals, and the ranking is sorted.
        taken.append(max(admissible, key=gain_after(taken)))
    return taken


def in_prompt_order(by_rank: list[Scored], query: ResolvedQuery, options: SelectionOptions) -> list[Scored]:
    if options.order == "nearest_first":
        return by_rank
    if options.order == "nearest_last":
        return list(reversed(by_rank))
    if options.order == "shuffled":
        return sorted(by_rank, key=lambda item: drawn(options.seed, query, item[0].row))
    dealt: list[Scored] = []
    waiting = list(by_rank)
    while waiting:
        turn: list[Scored] = []
        for item in waiting:
            if all(item[0].label != other[0].label for other in turn):
                turn.append(item)
        # In later rounds too, labels come in the order of their nearest of all.
        first = [record.label for record, _ in by_rank]
        dealt += sorted(turn, key=lambda item: first.index(item[0].label))
        waiting = [item for item in waiting if item not in turn]
    return list(reversed(dealt))


def drawn(seed: int, query: ResolvedQuery, row: int) -> int:
    if query.id is not None:
        named = b"id\0" + query.id.encode()
    elif query.sha256 is not None:
        named = b"sha256\0" + query.sha256.encode()
    else:
        named = b"vector\0" + query.vector.astype("<f4").tobytes()
    digest = int.from_bytes(hashlib.blake2b(named, digest_size=8).digest(), "little")
    stream = _mixed(_mixed(seed) ^ digest)
    return _mixed(stream + (row + 1) * 0x9E3779B97F4A7C15)


def _mixed(z: int) -> int:
    z %= 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)
