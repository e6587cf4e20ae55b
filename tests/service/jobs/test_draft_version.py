"""A version in the making: its number may be made a second time, of another encoder."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

import numpy as np

from encoders.adaptation.depths import Space
from encoders.calibration.calibration import Calibration
from encoders.calibration.steps import Affine
from encoders.lineage import Parent
from service.jobs.draft_version import Draft, encoder_store
from tests.encoders.adapted import lineage_of
from tests.service.adaptable import Adaptable


def space(dim: int, seed: int) -> Space:
    weight = np.random.default_rng(seed).standard_normal((dim, 8)).astype(np.float32)
    return Space(None, Calibration((Affine(weight, np.zeros(8, np.float32)),)), np.zeros((1, 8), np.float32))


def test_an_encoder_that_is_made_anew_takes_the_place_of_the_one_in_memory(
    adaptable: Adaptable, tmp_path: Path
) -> None:
    pool, encoders = adaptable.pool, adaptable.services.encoders.adapted
    lineage = lineage_of(pool=pool.key, parent=Parent(pool.encoder, "1", pool.fingerprint))
    draft = Draft(adaptable.services, pool, "a job", tmp_path)
    draft.save(space(pool.dim, 1), lineage)
    assert draft.number is not None
    before = encoders.get(pool.key, draft.number).identity.fingerprint
    rmtree(encoder_store(adaptable.services) / draft.name)  # by the worker of another job, which took this for forsaken
    draft.save(space(pool.dim, 2), lineage)
    assert encoders.get(pool.key, draft.number).identity.fingerprint != before
