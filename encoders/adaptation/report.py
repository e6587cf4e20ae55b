"""What is told of an adaptation: who took part, how each did, and measures of the space before and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float32

from encoders.adaptation.contestant import Contestant
from encoders.adaptation.depths import Space
from encoders.adaptation.examples import Examples
from encoders.adaptation.folds import Fold
from encoders.adaptation.measures import alignment, alignment_across_domains, uniformity, variance_shares

__all__ = ["report_of"]

_MEASURED = 4000  # images that the measures are taken of


def report_of(
    examples: Examples, space: Space, winner: Contestant, contestants: Sequence[Contestant], folds: Sequence[Fold]
) -> dict[str, Any]:
    """The report, as JSON values.

    Args:
        examples: The pool's images, with the vectors of the frozen encoder.
        space: What came out.
        winner: The contestant that it was.
        contestants: All.
        folds: What they were judged on.
    """
    return {
        "winner": winner.name,
        "images": len(examples),
        "labels": len(examples.classes),
        "domains": list(examples.known_domains),
        "folds": [{"held_out": fold.name, "images": len(fold.held)} for fold in folds],
        "contestants": [contestant.to_json() for contestant in contestants],
        "measures": {"frozen": _measures(examples.vectors, examples), "adapted": _measures(space.vectors, examples)},
    }


def _measures(vectors: Float32[np.ndarray, "n dim"], examples: Examples) -> dict[str, float | None]:
    some = np.random.default_rng(0).permutation(len(examples))[:_MEASURED]
    vectors, labels, domains = vectors[some], examples.labels[some], examples.domains[some]
    shares = variance_shares(vectors, labels, domains)
    measured = {
        "alignment": alignment(vectors, labels),
        "alignment_across_domains": alignment_across_domains(vectors, labels, domains),
        "uniformity": uniformity(vectors),
        "class_variance": shares.classes,
        "domain_variance": shares.domains,
    }
    return {name: None if value is None else round(value, 4) for name, value in measured.items()}
