"""An encoder adapted to the demonstrations of one fold alone, and where the fold's images lie by it.

That is what makes a figure of `invariant_select` honest: neither a query, nor an image of its group, nor its very file
under another id was learnt from, and what was measured to choose among contestants were demonstrations, too.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Int64
from numpy.typing import NDArray

from encoders.adaptation.adapt import Adaptation, adapt, can_be_learnt_from
from encoders.adaptation.depths import Space
from encoders.adaptation.examples import Examples
from encoders.adaptation.plan import Plan
from encoders.adaptation.watch import Watch
from encoders.calibration.different import different
from encoders.tower import Tower
from encoders.tower_encoder import tower_encoder
from evaluation.protocols.fold import Fold
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.kept_arrays import keep, kept
from invariantselect.wire.options import LEAST_CENTRED

__all__ = ["AdaptedFold", "adapted_fold"]

_FILE, _TRAINING = "adapted.npz", "training"
_AT_ONCE = 64
_QUERIES = "\0queries"  # no domain has this name


@dataclass(frozen=True)
class AdaptedFold:
    """What came of adapting to a fold. The vectors stay on disk, for folds may be many.

    Attributes:
        better: Whether a contestant is better than the frozen encoder: otherwise none would serve.
        why: If none is, a sentence that says so.
        centrable: Whether the queries could be centred by what they share.
        file: Where the vectors are.
    """

    better: bool
    why: str
    centrable: bool
    file: Path

    def vectors(self, pool: EvaluatedPool, fold: Fold, *, centred: bool = False) -> Float32[np.ndarray, "images dim"]:
        """Of the fold's images by their places, L2-normalised; of others zeros.

        The frozen ones where no contestant is better.

        Args:
            pool: That the fold was adapted in.
            fold: That was adapted to.
            centred: Whether the queries are centred by what they share, where they could be.

        Raises:
            StoreCorruptError: They can't be read.
        """
        known = kept(self.file) if self.better else None
        if known is None:
            return pool.examples.vectors
        found = np.zeros((len(pool), known["vectors"].shape[1]), dtype=np.float32)
        found[np.concatenate([fold.pool, fold.queries])] = known["vectors"]
        if centred and self.centrable:
            found[fold.queries] = known["centred"]
        return found


def adapted_fold(
    pool: EvaluatedPool,
    fold: Fold,
    learnt: Int64[np.ndarray, " some"],
    plan: Plan,
    *,
    base: Tower | None,
    folder: Path,
    watch: Watch,
) -> AdaptedFold:
    """Adapt to a fold, unless an earlier run did.

    Args:
        pool: Whose fold it is.
        fold: The fold.
        learnt: Places of the demonstrations that are learnt from.
        plan: How.
        base: The trunk, where it shall be trained.
        folder: Of this fold, these demonstrations and this plan alone: where the outcome is kept, and checkpoints of a
            training meanwhile.
        watch: Told how far it is.

    Raises:
        InvalidRequestError: The plan can't be carried out: no trunk, or a budget that is too short.
        StoreCorruptError: What an earlier run left is damaged.
    """
    known = kept(folder / _FILE)
    if known is None:
        training = folder / _TRAINING
        examples = _examples(pool, learnt)
        if can_be_learnt_from(examples, seed=plan.seed):
            adaptation = adapt(examples, plan, base=base, folder=training, watch=watch)
            known = _outcome(pool, fold, adaptation, plan.device, watch)
        else:  # a hospital with one label must not end the evaluation of the others
            labels = len(examples.classes)
            known = _told(better=False, why=f"{len(examples)} images of {labels} label(s) are nothing to learn from.")
        keep(folder / _FILE, known)
        shutil.rmtree(training, ignore_errors=True)
    return AdaptedFold(**json.loads(str(known["told"])), centrable="centred" in known, file=folder / _FILE)


def _outcome(
    pool: EvaluatedPool, fold: Fold, adaptation: Adaptation, device: str, watch: Watch
) -> dict[str, NDArray[Any]]:
    told = _told(better=adaptation.better, why=_why(adaptation))
    return told | (_vectors(pool, fold, adaptation.space, device, watch) if adaptation.better else {})


def _told(*, better: bool, why: str) -> dict[str, NDArray[Any]]:
    return {"told": np.array(json.dumps({"better": better, "why": why}))}


def _why(adaptation: Adaptation) -> str:
    winner, frozen = adaptation.winner, adaptation.contestants[0]
    if adaptation.better:
        return ""
    return (
        f"No adapted space ({winner.name}: {winner.figures.score:.3f}) did better than the frozen encoder "
        f"({frozen.figures.score:.3f}) on what was held out among the demonstrations."
    )


def _examples(pool: EvaluatedPool, places: Int64[np.ndarray, " some"]) -> Examples:
    whole, chosen = pool.examples, places.tolist()
    return Examples(
        whole.vectors[places],
        [whole.label_names[place] for place in chosen],
        [whole.domain_names[place] for place in chosen],
        [whole.group_names[place] for place in chosen],
        lambda number: whole.image(chosen[number]),
        None if whole.sha256 is None else [whole.sha256[place] for place in chosen],
    )


def _vectors(pool: EvaluatedPool, fold: Fold, space: Space, device: str, watch: Watch) -> dict[str, NDArray[Any]]:
    places, asking = np.concatenate([fold.pool, fold.queries]), len(fold.queries)
    trunk = pool.examples.vectors[places]
    if space.trunk is not None:
        trunk = _encoded(pool.examples, places, space.trunk, device, watch)
    domains = [pool.examples.domain_names[place] for place in places.tolist()]
    found = {"vectors": space.calibration.apply(trunk, domains)}
    queries = trunk[-asking:]
    known = different(queries)
    if space.calibration.centres_queries and len(known) >= LEAST_CENTRED:
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
