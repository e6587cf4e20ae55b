"""The closed form: centre by domain, then look along the directions in which classes differ and one class doesn't.

Fisher's linear discriminant (Fisher 1936, https://doi.org/10.1111/j.1469-1809.1936.tb02137.x) with the within-class
covariance shrunk towards a sphere (Friedman 1989, https://doi.org/10.1080/01621459.1989.10478752), at several
shrinkages and separations side by side: the right ones can't be known from few images of a rare class, and their votes
can be shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeAlias

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.typing import NDArray

from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.calibration.steps import Affine, Centring, Normalise, Power

__all__ = ["ClosedForm", "Discriminants", "fit_closed_form"]

_Blocks: TypeAlias = Iterator[tuple[slice, Float64[np.ndarray, "rows dim"]]]

_BORROWED = 4.0  # images of the overall middle that each domain's centre is mixed with
# Of all blocks together: a thousand labels have 999 directions, which nobody could search twelve times. Of made-up
# vectors of 250 labels, two blocks of twelve answered no worse than all; an eighth of the directions lost a third.
_WIDEST = 2048
_ROWS_AT_ONCE = 8192
_SMALLEST = 1e-9  # of the largest singular value: directions below are rounding


@dataclass(frozen=True)
class ClosedForm:
    """How a closed-form map is fitted.

    Attributes:
        by_domain: Whether each domain is centred by its own mean; else all by the mean of the domains' means.
        balanced: Whether every class has the same weight in the within-class covariance, or every image.
        shrinkages: Shares of the sphere in the within-class covariance, each from 0 to 1. None at all: vectors are
            centred and keep their directions.
        separations: Exponents of the directions' class separation: 0 gives every direction the same weight. Each with
            each shrinkage is one block of the result, and all blocks have the same say. Of very many labels only some
            of the blocks are made, evenly chosen.
        trust: See `encoders.calibration.steps.Centring`.
        exponent: See `encoders.calibration.steps.Power`.
    """

    by_domain: bool = True
    balanced: bool = False
    shrinkages: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    separations: tuple[float, ...] = (0.0,)
    trust: float = 1.0
    exponent: float = 0.5


class Discriminants:
    """A labelled set of vectors, ready to be fitted in several ways: what is expensive is done once for each.

    Args:
        vectors: (n, dim) float32, L2-normalised; at least one.
        labels: (n,) class of each, from 0.
        domains: (n,) domain of each, from 0; −1 where it isn't known.
        names: Of the domains.
        exponent: See `ClosedForm.exponent`.
    """

    def __init__(
        self,
        vectors: Float32[np.ndarray, "n dim"],
        labels: Int64[np.ndarray, " n"],
        domains: Int64[np.ndarray, " n"],
        names: Sequence[str],
        *,
        exponent: float = 0.5,
    ) -> None:
        self._before = IDENTITY if exponent == 1.0 else Calibration((Power(exponent), Normalise()))
        self._vectors = self._before.apply(vectors)
        self._classes, self._labels = np.unique(labels, return_inverse=True)
        self._domains = domains
        self._names = names
        self._scatters: dict[tuple[bool, bool], _Scatter] = {}
        self._exponent = exponent

    def fit(self, form: ClosedForm) -> Calibration:
        """The calibration of one form.

        One class has nothing to discriminate: the result changes nothing. Fewer images than dimensions, a class that is
        missing from a domain, and one domain are all fine.

        Raises:
            ValueError: A shrinkage is out of range, or 0 where there are fewer images than dimensions.
        """
        if form.exponent != self._exponent:
            raise ValueError("these vectors were prepared for another exponent")
        if len(self._classes) < 2:
            return IDENTITY
        centring = replace(self._centring(form.by_domain), trust=form.trust)
        if not form.shrinkages:
            return self._before.then(centring, Normalise())
        scatter = self._scatter(form)
        if not scatter.separated:
            return IDENTITY
        sorts = [(shrinkage, separation) for shrinkage in form.shrinkages for separation in form.separations]
        directions = scatter.projection(*sorts[len(sorts) // 2]).shape[1]
        maps = [scatter.projection(*each) for each in _spread(sorts, _WIDEST // directions)]
        widths = {one.shape[1] for one in maps}
        maps = [one[:, : min(widths)] for one in maps]
        weight = np.concatenate(maps, axis=1)
        affine = Affine(weight.astype(np.float32), (-scatter.middle @ weight).astype(np.float32))
        return self._before.then(centring, affine, Normalise(len(maps)))

    def _blocks(self) -> _Blocks:
        """Rows, and their vectors in float64: all of them at once would be several copies of a large pool."""
        for start in range(0, len(self._vectors), _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            yield rows, self._vectors[rows].astype(np.float64)

    @cached_property
    def _domain_sums(self) -> tuple[list[int], Float64[np.ndarray, " domains"], Float64[np.ndarray, "domains dim"]]:
        """The known domains, how many vectors each has, and their sum; where none is known, as if all were of one."""
        present, seats = np.unique(self._domains, return_inverse=True)
        known = present >= 0
        if not known.any():
            present, seats, known = np.zeros(1, np.int64), np.zeros_like(seats), np.ones(1, np.bool_)
        sums = _sums(self._blocks(), seats, len(present), self._vectors.shape[1])
        counts = np.bincount(seats, minlength=len(present)).astype(np.float64)
        return present[known].tolist(), counts[known], sums[known]

    def _centring(self, by_domain: bool) -> Centring:
        present, counts, sums = self._domain_sums
        middle = np.mean(sums / counts[:, None], axis=0)
        if by_domain and len(present) > 1:
            order = sorted(range(len(present)), key=lambda place: self._names[present[place]])
            names = tuple(self._names[present[place]] for place in order)
            # A few images more of the middle: one image alone would be its own centre, and vanish.
            centres = (sums + _BORROWED * middle) / (counts + _BORROWED)[:, None]
            return Centring(names, centres[order].astype(np.float32))
        return Centring(("",), middle[None].astype(np.float32))

    def _scatter(self, form: ClosedForm) -> _Scatter:
        key = (form.by_domain, form.balanced)
        if key not in self._scatters:
            known = [None if number < 0 else self._names[number] for number in self._domains.tolist()]
            centring = self._centring(form.by_domain)

            def centred() -> _Blocks:
                for rows, vectors in self._blocks():
                    yield rows, centring.apply(vectors, known[rows])

            self._scatters[key] = _Scatter(centred, self._labels, self._vectors.shape[1], balanced=form.balanced)
        return self._scatters[key]


class _Scatter:
    """Within-class covariance and class means of centred vectors, which are gone through twice."""

    def __init__(
        self, centred: Callable[[], _Blocks], labels: Int64[np.ndarray, " n"], dim: int, *, balanced: bool
    ) -> None:
        counts = np.bincount(labels).astype(np.float64)
        means = _sums(centred(), labels, len(counts), dim) / counts[:, None]
        share = np.full(len(counts), 1.0 / len(counts)) if balanced else counts / counts.sum()
        self.middle: NDArray[np.float64] = share @ means
        self._means = (means - self.middle) * np.sqrt(share)[:, None]
        if len(counts) > dim:  # the same scatter of means by fewer rows: thousands of labels are a few too
            self._means = np.linalg.qr(self._means, mode="r")
        self._within: NDArray[np.float64] = np.zeros((dim, dim))
        weights = np.sqrt(share / counts)
        for rows, vectors in centred():
            scaled = (vectors - means[labels[rows]]) * weights[labels[rows], None]
            self._within += scaled.T @ scaled
        self._directions: dict[float, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    @property
    def separated(self) -> bool:
        """Whether the class means differ at all."""
        return bool(np.abs(self._means).max() > _SMALLEST)

    def projection(self, shrinkage: float, separation: float) -> Float64[np.ndarray, "dim directions"]:
        """The discriminant directions, each with the within-class standard deviation 1 before weighting."""
        if shrinkage not in self._directions:
            self._directions[shrinkage] = self._found(shrinkage)
        directions, strengths = self._directions[shrinkage]
        weighted: NDArray[np.float64] = directions * (strengths / strengths[0]) ** separation
        return weighted

    def _found(
        self, shrinkage: float
    ) -> tuple[Float64[np.ndarray, "dim directions"], Float64[np.ndarray, " directions"]]:
        """The directions before weighting, and how far each separates the classes, the farthest first."""
        if not 0.0 <= shrinkage <= 1.0:
            raise ValueError(f"the shrinkage {shrinkage} is not between 0 and 1")
        mean = float(np.trace(self._within)) / len(self._within)
        if mean == 0.0:  # every class has one image, or copies of one: all directions are alike
            mean, shrinkage = 1.0, 1.0
        shrunk = (1.0 - shrinkage) * self._within
        shrunk[np.diag_indices_from(shrunk)] += shrinkage * mean
        # With D = S⁻¹Mᵀ, the eigenvectors of the small MD turn D into the directions: S is never decomposed.
        solved = _solved(shrunk, self._means.T, shrinkage)
        squares, turns = np.linalg.eigh(self._means @ solved)
        order = np.argsort(-squares)
        squares, turns = np.maximum(squares[order], 0.0), turns[:, order]
        kept = int(np.count_nonzero(squares > _SMALLEST * squares[0]))
        strengths = np.sqrt(squares[:kept])
        return solved @ turns[:, :kept] / strengths, strengths


def _sums(blocks: _Blocks, seats: Int64[np.ndarray, " n"], count: int, dim: int) -> Float64[np.ndarray, "count dim"]:
    """The sum of the vectors of each seat."""
    sums = np.zeros((count, dim))
    for rows, vectors in blocks:
        np.add.at(sums, seats[rows], vectors)
    return sums


def _solved(
    matrix: Float64[np.ndarray, "dim dim"], right: Float64[np.ndarray, "dim classes"], shrinkage: float
) -> Float64[np.ndarray, "dim classes"]:
    try:
        solved = np.linalg.solve(matrix, right)
    except np.linalg.LinAlgError:
        solved = np.full_like(right, np.nan)
    if not np.allclose(matrix @ solved, right, atol=1e-6 * np.abs(right).max()):
        raise ValueError(f"with a shrinkage of {shrinkage} the within-class covariance can't be inverted")
    return solved


def _spread(sorts: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most so many of them, but one at least: the first, the last and evenly between, or the middle one."""
    if most >= len(sorts):
        return list(sorts)
    if most < 2:
        return [sorts[len(sorts) // 2]]
    return [sorts[place] for place in np.linspace(0, len(sorts) - 1, most).round().astype(int).tolist()]


def fit_closed_form(
    vectors: Float32[np.ndarray, "n dim"],
    labels: Int64[np.ndarray, " n"],
    domains: Int64[np.ndarray, " n"],
    names: Sequence[str],
    form: ClosedForm = ClosedForm(),
) -> Calibration:
    """Fit one closed-form map; see `Discriminants` for the arguments.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> vectors = rng.standard_normal((40, 8)).astype(np.float32)
    >>> vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    >>> labels, domains = np.arange(40) % 2, np.arange(40) // 20
    >>> fit_closed_form(vectors, labels, domains, ["scanner A", "scanner B"]).dim(8)
    5
    """
    return Discriminants(vectors, labels, domains, names, exponent=form.exponent).fit(form)
