"""The tuned form is the best of its candidates, each fitted and judged on its own without what is held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
from PIL import Image

from encoders.adaptation.closed_form import _FORMS, _TRUSTS, tune_closed_form
from encoders.adaptation.depths import Sides
from encoders.adaptation.examples import Examples
from encoders.adaptation.figures import judged
from encoders.adaptation.folds import Fold, folds_of
from encoders.adaptation.watch import Watch
from encoders.calibration.discriminant import ClosedForm, fit_closed_form
from invariantselect.errors import JobCancelledError
from invariantselect.wire.options import LEAST_CENTRED


def pool_of(seed: int, n: int = 150, dim: int = 12, sources: int = 3) -> Examples:
    rng = np.random.default_rng(seed)
    labels, domains = rng.integers(4, size=n), rng.integers(sources, size=n)
    rows = rng.standard_normal((n, dim)) + rng.standard_normal((4, dim))[labels]
    rows += 2 * rng.standard_normal((sources, dim))[domains]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    names = [f"d{domain}" for domain in domains]
    return Examples(rows.astype(np.float32), [f"l{label}" for label in labels], names, [None] * n, _unseen)


def _unseen(place: int) -> Image.Image:
    raise AssertionError(f"image {place} was looked at")


def score(examples: Examples, folds: list[Fold], form: ClosedForm, *, centred: bool) -> float:
    """Mean score over the folds, each fitted anew on what it may learn from."""
    scores = []
    for fold in folds:
        learn, held = fold.learn, fold.held
        vectors, labels, domains = examples.vectors, examples.labels, examples.domains
        calibration = fit_closed_form(vectors[learn], labels[learn], domains[learn], examples.known_domains, form)
        pool = calibration.apply(vectors[learn], [examples.domain_names[place] for place in learn])
        names = [f"new {examples.domain_names[place]}" for place in held]
        for name in set(names) if centred else ():
            mine = [place for place, other in zip(held, names, strict=True) if other == name]
            if len(mine) >= LEAST_CENTRED:
                calibration = calibration.knowing(name, vectors[mine])
        queries = calibration.apply(vectors[held], names)
        scores.append(judged(pool, labels[learn], queries, labels[held]).score)
    return fmean(scores)


def sides(vectors: np.ndarray, folds: Sequence[Fold]) -> list[Sides]:
    return [(vectors[fold.learn], vectors[fold.held]) for fold in folds]


# Eleven domains are four folds of several, some of which have too few images to be centred by.
@pytest.mark.parametrize(("seed", "sources"), [(0, 3), (1, 3), (2, 11)])
def test_it_is_the_best_of_all_that_were_tried(seed: int, sources: int) -> None:
    examples = pool_of(seed, sources=sources)
    folds = folds_of(examples)
    counts = np.bincount(examples.domains)
    assert (len(folds), bool(counts.min() < LEAST_CENTRED <= counts.max())) == (min(sources, 4), sources == 11)
    tuned = tune_closed_form(sides(examples.vectors, folds), examples, folds)
    guessed = {form: score(examples, folds, form, centred=False) for form in _FORMS}
    best = max(guessed, key=lambda form: guessed[form])
    trusted = {trust: score(examples, folds, replace(best, trust=trust), centred=True) for trust in _TRUSTS}
    assert len(set(guessed.values())) > 2  # there was something to choose
    assert replace(tuned.form, trust=best.trust) == best
    assert tuned.form.trust == max(trusted, key=lambda trust: trusted[trust])
    assert tuned.figures.score == pytest.approx(max(guessed.values()), abs=1e-9)
    assert tuned.centred.score == pytest.approx(max(trusted.values()), abs=1e-9)


def test_queries_are_centred_where_the_pool_is_of_one_domain_too() -> None:
    rows = pool_of(3)
    alone = Examples(rows.vectors, rows.label_names, ["one"] * len(rows), rows.group_names, _unseen)
    folds = folds_of(alone)
    tuned = tune_closed_form(sides(alone.vectors, folds), alone, folds)
    assert tuned.figures.score == pytest.approx(score(alone, folds, tuned.form, centred=False), abs=1e-9)
    assert tuned.centred.score == pytest.approx(score(alone, folds, tuned.form, centred=True), abs=1e-9)


def test_what_is_held_out_is_not_learnt_from() -> None:
    examples = pool_of(0)
    folds = folds_of(examples)[:1]
    [fold] = folds
    tuned = tune_closed_form(sides(examples.vectors, folds), examples, folds)
    others = examples.label_names.copy()
    for place in fold.held:  # nobody has these labels among what is learnt from: whatever is found is wrong
        others[place] = f"never {place % 3}"
    blind = Examples(examples.vectors, others, examples.domain_names, examples.group_names, _unseen)
    again = tune_closed_form(sides(examples.vectors, folds), blind, folds)
    assert again.figures.accuracy == 0.0
    assert tuned.figures.accuracy > 0.5


def test_it_can_be_stopped() -> None:
    def check() -> None:
        raise JobCancelledError("stopped")

    examples = pool_of(0)
    folds = folds_of(examples)
    with pytest.raises(JobCancelledError):
        tune_closed_form(sides(examples.vectors, folds), examples, folds, watch=Watch(check=check))
