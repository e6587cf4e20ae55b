"""Which closed form serves queries of a domain that was never seen: chosen on held-out source domains, not fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from encoders.adaptation.depths import Sides
from encoders.adaptation.examples import Examples
from encoders.adaptation.figures import Figures, judged, mean_of
from encoders.adaptation.folds import Fold
from encoders.adaptation.watch import SILENT, Watch
from encoders.calibration.discriminant import ClosedForm, Discriminants
from encoders.calibration.query_centring import unlabelled_by_domain

__all__ = ["TunedClosedForm", "tune_closed_form"]

_SEPARATIONS = (0.0, 0.5)
# Centring alone; and class means with regard to the spread around them, the more the smaller the shrinkage.
# A trunk that has learnt from the images has drawn each class together already, so that their spread says little.
# Few kinds, each with blocks of many sorts: a choice among many by a few folds is luck, a vote of many isn't. Class
# means without regard to the spread were a kind, too: chosen in 2 of 36 cells, one of which was run again without it
# (HAM10000's vidir_modern, seed 1): macro accuracy .45 became .49.
_KINDS: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
    ((), (0.0,)),
    ((0.5, 0.7, 0.9, 1.0), _SEPARATIONS),
    ((0.1, 0.3, 0.5, 0.7, 0.9, 1.0), _SEPARATIONS),
)
_FORMS = tuple(
    ClosedForm(by_domain=by_domain, shrinkages=shrinkages, separations=separations)
    for by_domain in (True, False)
    for shrinkages, separations in _KINDS
)
_TRUSTS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class TunedClosedForm:
    """The form that won.

    Attributes:
        form: It.
        figures: Its means over the folds, queries guessing their domain.
        centred: Its means where the queries of each domain are centred by their own mean, as far as a server does so.
    """

    form: ClosedForm
    figures: Figures
    centred: Figures


def tune_closed_form(
    sides: Sequence[Sides],
    examples: Examples,
    folds: Sequence[Fold],
    *,
    watch: Watch = SILENT,
) -> TunedClosedForm:
    """Try the forms on every fold and keep the best by `Figures.score`. In a large pool a form is fitted to some of the
    images while it is being chosen (`Fold.judged`), and to all of them for good.

    Args:
        sides: For each fold the vectors that it judges by, of a trunk that didn't learn from the held-out ones.
        examples: The images.
        folds: At least one.
        watch: Asked whether to go on.
    """
    prepared = [_Prepared(each, examples, fold) for each, fold in zip(sides, folds, strict=True)]

    def watched() -> Iterator[_Prepared]:
        for one in prepared:
            watch.check()
            yield one

    scored: dict[ClosedForm, Figures] = {}
    for form in _FORMS:
        scored[form] = mean_of([one.guessed(form) for one in watched()])
    best = max(scored, key=lambda form: scored[form].score)
    centred: dict[ClosedForm, Figures] = {}
    for trust in _TRUSTS:
        form = replace(best, trust=trust)
        centred[form] = mean_of([one.centred(form) for one in watched()])
    winner = max(centred, key=lambda form: centred[form].score)
    return TunedClosedForm(winner, scored[best], centred[winner])


class _Prepared:
    """One fold, its expensive parts computed once."""

    def __init__(self, sides: Sides, examples: Examples, fold: Fold) -> None:
        learn, held = fold.judged()
        self._learn, self._learn_labels = sides[0], examples.labels[learn]
        self._domains = [examples.domain_names[place] for place in learn.tolist()]
        self._held, self._held_labels = sides[1], examples.labels[held]
        # Named as no domain of the pool is; images of no known domain are held to be of one.
        names = [f"\0{examples.domain_names[place] or ''}" for place in held.tolist()]
        self._centring = unlabelled_by_domain(self._held, names, ())
        self._held_domains = [name if name in self._centring else None for name in names]
        self._fits = Discriminants(self._learn, self._learn_labels, examples.domains[learn], examples.known_domains)

    def guessed(self, form: ClosedForm) -> Figures:
        calibration = self._fits.fit(form)
        pool = calibration.apply(self._learn, self._domains)
        return judged(pool, self._learn_labels, calibration.apply(self._held), self._held_labels)

    def centred(self, form: ClosedForm) -> Figures:
        calibration = self._fits.fit(form)
        pool = calibration.apply(self._learn, self._domains)
        for name, vectors in self._centring.items():
            calibration = calibration.knowing(name, vectors)
        queries = calibration.apply(self._held, self._held_domains)
        return judged(pool, self._learn_labels, queries, self._held_labels)
