"""A cell of leave-one-domain-out or of the target pool: one adaptation, and all rows of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from benchmarks.quality.cell import Cell
from benchmarks.quality.division import leave_one_domain_out, target_pool
from benchmarks.quality.facts import facts
from benchmarks.quality.frozen import frozen_vectors
from benchmarks.quality.image_set import domains_of, read_set
from benchmarks.quality.options import Options
from benchmarks.quality.phases import Phases
from benchmarks.quality.record import Record
from benchmarks.quality.rows import domain_cost_rows, rows_of
from benchmarks.quality.trunk_vectors import trunk_vectors
from encoders.adaptation.adapt import adapt_every
from encoders.adaptation.plan import Plan
from encoders.efficientnet_lite0 import packaged_tower
from encoders.tower import Tower

__all__ = ["measure"]


def measure(cell: Cell, options: Options, say: Callable[[str], None]) -> Record:
    """Run it.

    Args:
        cell: Of one of the two protocols.
        options: How.
        say: Told a line now and then.
    """
    phases = Phases(say)
    given = cell.protocol == "target_pool"
    folder = Path(options.data) / cell.images
    images = read_set(folder, limit=options.limit)
    division = target_pool(images, cell.domain, seed=cell.seed) if given else leave_one_domain_out(images, cell.domain)
    vectors = frozen_vectors(images, Path(options.cache))
    plan = Plan(budget_seconds=options.budget or math.inf, steps=options.steps, seed=cell.seed, device=options.device)
    examples, trainings = division.examples(vectors), cell.path(Path(options.cache) / "trainings").with_suffix("")
    resumed = trainings.is_dir()
    adaptation, spaces = adapt_every(examples, plan, base=packaged_tower(), folder=trainings, watch=phases.watch)
    phases.enter("queries")
    asked: dict[str, Float32[np.ndarray, "queries dim"]] = {}

    def queries_by(trunk: Tower | None) -> Float32[np.ndarray, "queries dim"]:
        if trunk is None:
            return vectors[division.queries]
        if trunk.weights not in asked:
            asked[trunk.weights] = trunk_vectors(trunk, images, division.queries.tolist(), device=options.device)
        return asked[trunk.weights]

    rows = rows_of(adaptation, spaces, division, queries_by, given=given, seed=cell.seed)
    rows |= domain_cost_rows(adaptation, spaces, division, queries_by(None), given=given)
    known = {
        **facts(),
        "options": asdict(options) | {"objective": [plan.objective.name, plan.objective.options()]},
        "domains": domains_of(folder),
        "images": {"pool": len(division.pool), "queries": len(division.queries)},
        "phases": phases.to_json(),
        "resumed": resumed,
        "report": adaptation.report,
    }
    return Record(cell, division.classes, division.query_labels, rows, known)
