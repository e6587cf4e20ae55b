"""The rows of a table: what one adaptation, every contestant made for good, answers the queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from benchmarks.quality.answers import Answers, answered, answered_at_random
from benchmarks.quality.division import Division
from encoders.adaptation.adapt import Adaptation
from encoders.adaptation.depths import Space
from encoders.calibration.calibration import Calibration
from encoders.calibration.discriminant import Discriminants
from encoders.calibration.steps import Centring
from encoders.tower import Tower

__all__ = ["CENTRED", "COST", "GIVEN", "domain_cost_rows", "rows_of"]

CENTRED = " +query-domain centring"
"""Behind the name of a row that uses the mean of the unlabelled queries."""
GIVEN = ", domain given"
"""Behind the name of a row whose queries say that they come from a domain of the pool."""
COST = "closed_form by domain, "
"""Before the name of a row of the table of what a query's domain is worth."""

Vectors = Float32[np.ndarray, "n dim"]
TrunkVectors = Callable[[Tower | None], Vectors]


def rows_of(
    adaptation: Adaptation,
    spaces: Mapping[str, Space],
    division: Division,
    queries_by: TrunkVectors,
    *,
    given: bool,
    seed: int,
) -> dict[str, Answers]:
    """Random, the frozen encoder, every contestant, and `auto`: the contestant that the validation chose.

    Args:
        adaptation: What came out.
        spaces: Of `adapt_every`.
        division: Pool and queries.
        queries_by: The queries' vectors by a trunk; None is the frozen one.
        given: Whether the pool knows the queries' domain: then rows follow whose queries tell it, else rows whose
            queries are centred by their own mean.
        seed: Of the random row.
    """
    frozen = spaces["frozen"]
    rows = {"random": answered_at_random(frozen.vectors, queries_by(None), division, seed=seed)}
    for name, space in spaces.items():
        row = "topk_nearest" if name == "frozen" else name
        queries, domain, calibration = queries_by(space.trunk), [division.domain] * len(division.queries), None
        rows[row] = answered(space.vectors, space.calibration.apply(queries), division)
        if given and space.calibration.looks_at_domains:
            calibration, behind = space.calibration, GIVEN
        elif not given and space.calibration.centres_queries:
            calibration, behind = space.calibration.knowing(division.domain, queries), CENTRED
        if calibration is not None:
            rows[row + behind] = answered(space.vectors, calibration.apply(queries, domain), division)
    winner = "topk_nearest" if adaptation.winner.name == "frozen" else adaptation.winner.name
    for behind in ("", GIVEN if given else CENTRED):
        rows[f"auto{behind}"] = rows.get(winner + behind, rows[winner])
    return rows


def domain_cost_rows(
    adaptation: Adaptation, spaces: Mapping[str, Space], division: Division, queries: Vectors, *, given: bool
) -> dict[str, Answers]:
    """The tuned closed form, with each domain centred by its own mean, asked by queries that say more or less.

    Args:
        adaptation: What came out; the closed form is among the contestants.
        spaces: Of `adapt_every`.
        division: Pool and queries.
        queries: (queries, dim), the frozen encoder's.
        given: Whether the pool knows the queries' domain.
    """
    tuned = next(each.closed_form for each in adaptation.contestants if each.name == "closed_form")
    if tuned is None:
        return {}
    examples = division.examples(np.zeros((len(division.images), 1), dtype=np.float32))
    fits = Discriminants(
        spaces["frozen"].vectors,
        examples.labels,
        examples.domains,
        examples.known_domains,
        exponent=tuned.form.exponent,
    )
    fitted = fits.fit(replace(tuned.form, by_domain=True))
    pool = fitted.apply(spaces["frozen"].vectors, examples.domain_names)
    domain = [division.domain] * len(queries)
    asked = {
        "domain guessed": fitted.apply(queries),
        "mean of all domains": _without_domains(fitted).apply(queries),
    }
    if given:
        asked["domain given"] = fitted.apply(queries, domain)
    else:
        asked["mean of the unlabelled queries"] = fitted.knowing(division.domain, queries).apply(queries, domain)
    return {COST + name: answered(pool, vectors, division) for name, vectors in asked.items()}


def _without_domains(calibration: Calibration) -> Calibration:
    """The same for queries of which nothing is known or guessed: all centred by the middle of the domains."""
    return Calibration(
        tuple(
            Centring(("",), step.centres.mean(axis=0, keepdims=True)) if isinstance(step, Centring) else step
            for step in calibration.steps
        )
    )
