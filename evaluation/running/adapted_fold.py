"""An encoder adapted to the demonstrations of one fold alone, and where the fold's images lie by it.

That is what makes a figure of `invariant_select` honest: neither a query nor an image of its group was learnt from, and
what was measured to choose among contestants were demonstrations, too.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from encoders.adaptation.adapt import Adaptation, adapt
from encoders.adaptation.depths import Space
from encoders.adaptation.examples import Examples
from encoders.adaptation.plan import Plan
from encoders.adaptation.watch import Watch
from encoders.calibration.different import different
from encoders.tower import Tower
from encoders.tower_encoder import tower_encoder
from evaluation.protocols.fold import Fold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.fold_draw import digest_of
from evaluation.running.kept_arrays import keep, kept
from invariantselect.wire.options import LEAST_CENTRED

__all__ = ["AdaptedFold", "adapted_fold"]

_FILE, _TRAINING = "adapted.npz", "training"
_AT_ONCE = 64
_QUERIES = "\0queries"  # no domain has this name


@dataclass(frozen=True, eq=False)
class AdaptedFold:
    """What came of adapting to a fold.

    Attributes:
        winner: The contestant that won.
        score: Of the winner, on what was held out among the demonstrations.
        frozen_score: Of the frozen encoder.
        better: Whether the winner is better than the frozen encoder: otherwise it wouldn't serve.
        vectors: (images, dim) float32, L2-normalised, of the fold's images by their places; of others zeros. The
            frozen ones where the winner isn't better.
        centred: (images, dim): the same, the queries centred by what they share; None where they are too few.
    """

    winner: str
    score: float
    frozen_score: float
    better: bool
    vectors: Float32[np.ndarray, "images dim"]
    centred: Float32[np.ndarray, "images dim"] | None


def adapted_fold(
    pool: EvaluatedPool, fold: Fold, plan: Plan, *, base: Tower | None, folder: Path, watch: Watch
) -> AdaptedFold:
    """Adapt to a fold, unless an earlier run did.

    Args:
        pool: Whose fold it is.
        fold: The fold.
        plan: How.
        base: The trunk, where it shall be trained.
        folder: Where the outcome is kept, and checkpoints of a training meanwhile; of all folds.
        watch: Told how far it is.

    Raises:
        InvalidRequestError: There is nothing to learn from: fewer than two labels, or too few images.
        StoreCorruptError: What an earlier run left is damaged.
    """
    mine = folder / digest_of(fold)
    known = kept(mine / _FILE)
    if known is None:
        training = mine / _TRAINING
        adaptation = adapt(_examples(pool, fold.pool), plan, base=base, folder=training, watch=watch)
        known = _outcome(pool, fold, adaptation, plan.device, watch)
        keep(mine / _FILE, known)
        shutil.rmtree(training, ignore_errors=True)
    return _read(pool, fold, known)


def _examples(pool: EvaluatedPool, places: Int64[np.ndarray, " some"]) -> Examples:
    whole, chosen = pool.examples, places.tolist()
    return Examples(
        whole.vectors[places],
        [whole.label_names[place] for place in chosen],
        [whole.domain_names[place] for place in chosen],
        [whole.group_names[place] for place in chosen],
        lambda number: whole.image(chosen[number]),
    )


def _outcome(
    pool: EvaluatedPool, fold: Fold, adaptation: Adaptation, device: str, watch: Watch
) -> dict[str, np.ndarray]:
    told = {
        "winner": adaptation.winner.name,
        "score": adaptation.winner.figures.score,
        "frozen_score": adaptation.contestants[0].figures.score,
        "better": adaptation.better,
    }
    arrays = {"told": np.array(json.dumps(told))}
    if adaptation.better:
        arrays |= _vectors(pool, fold, adaptation.space, device, watch)
    return arrays


def _vectors(pool: EvaluatedPool, fold: Fold, space: Space, device: str, watch: Watch) -> dict[str, np.ndarray]:
    places, asking = np.concatenate([fold.pool, fold.queries]), len(fold.queries)
    trunk = pool.examples.vectors[places]
    if space.trunk is not None:
        trunk = _encoded(pool.examples, places, space.trunk, device, watch)
    domains = [pool.examples.domain_names[place] for place in places.tolist()]
    found = {"vectors": space.calibration.apply(trunk, domains)}
    queries = trunk[-asking:]
    known = different(queries)
    if len(known) >= LEAST_CENTRED:
        knowing = space.calibration.knowing(_QUERIES, known)
        found["centred"] = knowing.apply(queries, [_QUERIES] * asking)
    return found


def _encoded(
    examples: Examples, places: Int64[np.ndarray, " some"], trunk: Tower, device: str, watch: Watch
) -> Float32[np.ndarray, "some dim"]:
    """The fold's images by a trunk that was trained for it."""
    encoder = tower_encoder(trunk, "adapted to a fold", device=device)
    parts = []
    for start in range(0, len(places), _AT_ONCE):
        watch.check()
        watch.progress("encoding by the adapted encoder", start, len(places), {})
        images = [examples.image(place) for place in places[start : start + _AT_ONCE].tolist()]
        parts.append(encoder.encode(images))
    return np.concatenate(parts)


def _read(pool: EvaluatedPool, fold: Fold, known: dict[str, np.ndarray]) -> AdaptedFold:
    told = json.loads(str(known["told"]))
    if not told["better"]:
        return AdaptedFold(**told, vectors=pool.examples.vectors, centred=None)
    vectors = np.zeros((len(pool), known["vectors"].shape[1]), dtype=np.float32)
    vectors[np.concatenate([fold.pool, fold.queries])] = known["vectors"]
    centred = None
    if "centred" in known:
        centred = vectors.copy()
        centred[fold.queries] = known["centred"]
    return AdaptedFold(**told, vectors=vectors, centred=centred)
