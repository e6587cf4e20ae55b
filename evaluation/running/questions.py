"""The questions of a fold: for every query the demonstrations of every strategy, as learners are asked them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from jaxtyping import Float32, Int64

from encoders.adaptation.watch import SILENT
from evaluation.answers.answered import Answered
from evaluation.fold_space import FoldSpace
from evaluation.leakage import Barred
from evaluation.learners.learner import Answer, Question
from evaluation.plan import ADAPTED, CENTRED, NONE, EvaluationPlan, StrategyRow
from evaluation.protocols.fold import Fold
from evaluation.running.evaluated_pool import EvaluatedPool
from index.selection.query import ResolvedQuery
from index.selection.select import Chosen, select
from invariantselect.wire.options import SelectionOptions, Strategy

__all__ = ["Asked", "FoldQuestions", "Spaces"]

_AT_ONCE = 256
_SCORES_AT_ONCE = 4_000_000  # less than a second of search between two looks at whether to go on

Spaces = Mapping[str, Float32[np.ndarray, "images dim"]]
"""For each strategy, and for `NONE`, the vectors of all places in which it chooses."""


@dataclass(frozen=True, eq=False)
class Asked:
    """A question, and everything about its answer but the answer."""

    question: Question
    about: Answered

    def by(self, learner: str, answer: Answer) -> Answered:
        """What a learner of this name answered."""
        return replace(self.about, learner=learner, answer=answer.label, confidence=answer.confidence, raw=answer.raw)


class FoldQuestions:
    """The questions of one fold; its selections are made at once, questions one by one.

    Args:
        pool: Whose fold it is.
        fold: The fold.
        plan: What is evaluated.
        barred: What may not be shown for each query.
        spaces: Where each strategy of the plan looks.
        check: Called several times a second while selections are made; raises whatever shall end it.
    """

    def __init__(
        self,
        pool: EvaluatedPool,
        fold: Fold,
        plan: EvaluationPlan,
        barred: Barred,
        spaces: Spaces,
        *,
        check: Callable[[], None] = SILENT.check,
    ) -> None:
        self._pool, self.fold, self._plan, self._barred, self._spaces = pool, fold, plan, barred, spaces
        self._classes = pool.examples.classes
        self._place = np.full(pool.snapshot.size, -1, dtype=np.int64)
        self._place[pool.positions] = np.arange(len(pool))
        selections = dict.fromkeys(self._selection(row) for row in plan.rows if row.strategy != NONE)
        self._chosen = {each: self._selected(each, check) for each in selections}

    def __len__(self) -> int:
        return len(self.fold.queries)

    def asked(self, number: int, row: StrategyRow) -> Asked:
        """A question.

        Args:
            number: Of the query in the fold.
            row: Who chose, and how many.
        """
        query = int(self.fold.queries[number])
        places, scores = self._shown(number, row)
        examples, vectors = self._pool.examples, self._spaces[row.strategy]
        shown = places.tolist()
        counts = self._barred.counts(number)
        about = Answered(
            fold=self.fold.name,
            query=self._pool.ids[query],
            domain=examples.domain_names[query],
            group=examples.group_names[query],
            truth=examples.label_names[query],
            strategy=row.strategy,
            shots=row.shots,
            learner="",
            answer=None,
            confidence=0.0,
            demonstrations=tuple(self._pool.ids[place] for place in shown),
            labels=tuple(examples.label_names[place] for place in shown),
            domains=tuple(examples.domain_names[place] for place in shown),
            scores=tuple(scores.tolist()),
            barred_group=counts["group"],
            barred_content=counts["content"],
            barred_near_duplicate=counts["near_duplicate"],
        )
        question = Question(
            about.query,
            vectors[query],
            self._classes,
            about.demonstrations,
            about.labels,
            about.scores,
            vectors[places],
        )
        return Asked(question, about)

    def query_id(self, number: int) -> str:
        """Id of a query, by its number in the fold."""
        return self._pool.ids[int(self.fold.queries[number])]

    def all(self) -> Iterator[tuple[int, StrategyRow]]:
        """Every question by query number and row, in the order of the table of answers."""
        for number in range(len(self)):
            for row in self._plan.rows:
                yield number, row

    def _shown(self, number: int, row: StrategyRow) -> tuple[Int64[np.ndarray, " k"], Float32[np.ndarray, " k"]]:
        """Places and similarities of the demonstrations, the most similar first."""
        if row.strategy == NONE:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        chosen = self._chosen[self._selection(row)][number]
        return self._place[chosen.positions[: row.shots]], chosen.scores[: row.shots]

    def _selection(self, row: StrategyRow) -> StrategyRow:
        """Of which a row shows the most similar. Fewer of a random one would be the nearest of several, not random."""
        return row if row.strategy == "random" else StrategyRow(row.strategy, self._plan.most_shots)

    def _selected(self, selection: StrategyRow, check: Callable[[], None]) -> list[Chosen]:
        name, k = selection
        vectors = self._spaces[name]
        positions = self._pool.positions[self.fold.pool]
        space = FoldSpace(self._pool.snapshot, positions, self._pool.in_snapshot(vectors), check)
        options = SelectionOptions(k=k, strategy=_selecting(name), order="nearest_first", seed=self._plan.seed)
        chosen: list[Chosen] = []
        step = max(1, min(_AT_ONCE, _SCORES_AT_ONCE // len(positions)))
        for start in range(0, len(self), step):
            check()
            numbers = range(start, min(start + step, len(self)))
            chosen += select(space, [self._query(number, vectors) for number in numbers], options)
        return chosen

    def _query(self, number: int, vectors: Float32[np.ndarray, "images dim"]) -> ResolvedQuery:
        place, examples = int(self.fold.queries[number]), self._pool.examples
        return ResolvedQuery(
            vector=vectors[place],
            id=self._pool.ids[place],
            sha256=self._pool.sha256[place],
            group=examples.group_names[place],
            domain=examples.domain_names[place],
            barred=self._pool.positions[self._barred.of(number)],
        )


def _selecting(name: str) -> Strategy:
    """By which strategy of the service one of an evaluation selects."""
    return ADAPTED if name == CENTRED else cast(Strategy, name)
