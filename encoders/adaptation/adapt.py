"""Adaptation: every depth that the budget allows competes on held-out source domains, and the best is made for good."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoders.adaptation.contestant import Contestant, best_of
from encoders.adaptation.depths import Depth, Frozen, Head, Space
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.folds import Fold, folds_of
from encoders.adaptation.kept_memory import kept_memory
from encoders.adaptation.plan import Plan
from encoders.adaptation.ranks import ALONE, Ranks
from encoders.adaptation.ready_finetune import ready_finetune
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.report import report_of
from encoders.adaptation.side_by_side import SideBySide
from encoders.adaptation.validation import Validation
from encoders.adaptation.watch import SILENT, Watch
from encoders.calibration.discriminant import Discriminants
from encoders.tower import Tower
from invariantselect.errors import InvalidRequestError

__all__ = ["Adaptation", "adapt", "adapt_every", "can_be_learnt_from"]

# What the closed form of frozen vectors took is taken so many times more behind a trunk, once at twice the dimensions.
_TUNED_AGAIN = 5


@dataclass(frozen=True, eq=False)
class Adaptation:
    """What came out.

    Attributes:
        space: The best space, learnt from all images.
        winner: The contestant that it was.
        contestants: All, in the order they were tried; the first is the frozen encoder.
        report: Everything above, and the measures of the frozen and the new space, as JSON values.
    """

    space: Space
    winner: Contestant
    contestants: tuple[Contestant, ...]
    report: dict[str, Any]

    @property
    def better(self) -> bool:
        """Whether the winner beats the frozen encoder on the domains held out."""
        return self.winner.figures.score > self.contestants[0].figures.score


def can_be_learnt_from(examples: Examples, *, seed: int) -> bool:
    """Whether there are two labels, and images that can be held out of the others.

    Args:
        examples: That an encoder would be adapted to.
        seed: Of the folds.
    """
    return len(examples.classes) >= 2 and bool(folds_of(examples, seed=seed))


def adapt(
    examples: Examples,
    plan: Plan,
    *,
    base: Tower | None = None,
    folder: Path | None = None,
    watch: Watch = SILENT,
    ranks: Ranks = ALONE,
) -> Adaptation:
    """Adapt an encoder to a pool.

    Args:
        examples: The pool's images, with the vectors of the encoder's trunk.
        plan: Which depths, how, and how long it may take.
        base: The trunk; needed where it shall be trained.
        folder: Where a training keeps its checkpoints; an adaptation that was killed goes on from there.
        watch: Told how far it is, and asked whether to go on.
        ranks: The processes that share fine-tuning with this one, which is rank 0; the others `follow` meanwhile.

    Raises:
        InvalidRequestError: There is nothing to learn from: fewer than two labels, or too few images to hold some out.
        StoreCorruptError: What an attempt before left in the folder is damaged.
        InternalError: Another of the ranks has ended.
    """
    with kept_memory():
        contest = _contest(examples, plan, base, folder, watch, ranks=ranks)
        depth, winner = contest.best
        return contest.adaptation(_composed(depth.final(), winner, examples))


def adapt_every(
    examples: Examples, plan: Plan, *, base: Tower | None = None, folder: Path | None = None, watch: Watch = SILENT
) -> tuple[Adaptation, dict[str, Space]]:
    """Adapt an encoder to a pool, and make the losers for good too: for measuring what each is worth.

    Nothing is trained twice: contestants that differ in the closed form alone share their depth's last training.

    Returns:
        What `adapt` returns for these arguments (and raises), and the space of every contestant, by its name.
    """
    made: dict[str, Space] = {}
    spaces: dict[str, Space] = {}
    with kept_memory():
        contest = _contest(examples, plan, base, folder, watch, ranks=ALONE)
        for depth, contestant in contest.entries:
            if depth.name not in made:
                made[depth.name] = depth.final()
            spaces[contestant.name] = _composed(made[depth.name], contestant, examples)
    return contest.adaptation(spaces[contest.best[1].name]), spaces


@dataclass(frozen=True, eq=False)
class _Contest:
    """Everybody judged, nobody made for good yet.

    `best` is the best of those that the plan allows, `left_out` tells why a depth took no part.
    """

    examples: Examples
    folds: Sequence[Fold]
    entries: Sequence[tuple[Depth, Contestant]]
    best: tuple[Depth, Contestant]
    left_out: Mapping[str, str]

    def adaptation(self, space: Space) -> Adaptation:
        """What came out, given the winner's space."""
        everyone, winner = tuple(contestant for _, contestant in self.entries), self.best[1]
        report = report_of(self.examples, space, winner, everyone, self.folds)
        return Adaptation(space, winner, everyone, report | {"left_out": dict(self.left_out)})


def _contest(
    examples: Examples, plan: Plan, base: Tower | None, folder: Path | None, watch: Watch, *, ranks: Ranks
) -> _Contest:
    folds = folds_of(examples, seed=plan.seed)
    if not can_be_learnt_from(examples, seed=plan.seed):
        raise InvalidRequestError(
            f"An encoder can't be adapted to {len(examples)} images of {len(examples.classes)} labels.",
            hint="Add demonstrations: two labels at least, each with images in two domains or of several groups.",
        )
    began = time.monotonic()
    depths: list[Depth] = [Frozen(examples)]
    if plan.depth in ("auto", "head"):
        depths.append(Head(examples, plan.objective, plan.head, seed=plan.seed, watch=watch))
    contestants: list[tuple[Depth, Contestant]] = []
    validation = Validation(examples, folds, watch)
    for depth in depths:
        rehearsed = validation.rehearsed(depth)
        contestants += [(depth, validation.alone(rehearsed)), (depth, validation.composed(rehearsed))]
    left_out: dict[str, str] = {}
    if plan.depth in ("auto", "finetune"):
        _, closed_form = contestants[1]
        end = began + plan.budget_seconds - _TUNED_AGAIN * closed_form.seconds
        entries, why_not = _fine_tuned(validation, plan, base, folder=folder, ranks=ranks, end=end)
        contestants += entries
        left_out |= {} if why_not is None else {"finetune": why_not}
    allowed = [pair for pair in contestants if plan.depth in ("auto", pair[1].depth)]
    if plan.adapted_only:
        allowed = [pair for pair in allowed if pair[1].depth != "frozen"]
    if not allowed:
        why = left_out["finetune"]
        larger = "Take" if base is None else "Give a larger budget or device, or take"
        raise InvalidRequestError(f"{why[0].upper()}{why[1:]}.", hint=f"{larger} the depth closed_form or head.")
    best = best_of([contestant for _, contestant in allowed], frozen=contestants[0][1])
    return _Contest(examples, folds, contestants, next(pair for pair in allowed if pair[1] is best), left_out)


def _fine_tuned(
    validation: Validation, plan: Plan, base: Tower | None, *, folder: Path | None, ranks: Ranks, end: float
) -> tuple[list[tuple[Depth, Contestant]], str | None]:
    """Fine-tuning with and without a closed form behind it and the frozen trunk beside it, or why there is none."""
    if base is None:
        return [], "this encoder has no trunk that could be trained here"
    finetune = Finetune(
        base,
        validation.examples,
        plan.objective,
        plan.finetune,
        plan.augmentation,
        seed=plan.seed,
        device=plan.device,
        folder=folder,
        watch=validation.watch,
        ranks=ranks,
    )
    why_not = ready_finetune(finetune, plan, folds=len(validation.folds), end=end, remembered=Remembered(folder))
    if why_not is not None:
        return [], why_not
    trained = validation.rehearsed(finetune)
    entries: list[tuple[Depth, Contestant]] = [(finetune, validation.alone(trained))]
    entries.append((finetune, validation.composed(trained)))
    both = SideBySide(validation.examples, finetune, dict(zip(validation.folds, trained.sides, strict=True)))
    # Without a closed form that weighs them, the frozen vectors would say as much as the trained ones.
    return [*entries, (both, validation.composed(validation.rehearsed(both)))], None


def _composed(space: Space, winner: Contestant, examples: Examples) -> Space:
    if winner.closed_form is None:
        return space
    form = winner.closed_form.form
    fits = Discriminants(
        space.vectors, examples.labels, examples.domains, examples.known_domains, exponent=form.exponent
    )
    behind = fits.fit(form)
    return Space(space.trunk, space.calibration.then(*behind.steps), behind.apply(space.vectors, examples.domain_names))
