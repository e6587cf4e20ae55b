"""Leaks that are planted: what would give the answer away is in the pool, and is never shown, whatever the strategy."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from evaluation.answers.answered import Answered
from evaluation.learners.vote import Vote
from evaluation.plan import EvaluationPlan
from evaluation.protocols import registry
from evaluation.protocols.fold import Fold
from evaluation.running import fold_by_fold, fold_draw
from evaluation.running.evaluated_pool import EvaluatedPool
from evaluation.running.evaluation import evaluate
from evaluation.running.learners import Learners
from index.selection.exclude import Barrier
from tests.evaluation.running.shifted_pool import evaluated, noise, records_of
from tests.index.selection.memory_pool import Record

# Seven of 24 by chance are drawn; enough to meet every demonstration.
PLAN = EvaluationPlan(
    shots=(24,), strategies=("random", "topk_nearest", "invariant_select"), targets=("noon",), centre_queries=True
)
QUERY, LESION, FILE, COPY = "noon/red/0.png", "dusk/red/0.png", "dusk/red/1.png", "glare/red/0.png"


def tile(left: int) -> Image.Image:
    return Image.fromarray(load_sample_images().images[0][:200, left : left + 200])


def jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def planted() -> EvaluatedPool:
    """One lesion photographed twice, one file under two names, and that file saved again and scaled down."""
    original = jpeg(tile(0), 92)
    pictures = {
        QUERY: original,
        LESION: jpeg(tile(210), 92),
        FILE: original,
        COPY: jpeg(Image.open(io.BytesIO(original)).resize((100, 100)), 75),
    }
    records = {record.id: replace(record, group=None) for record in records_of()}
    records[QUERY] = replace(records[QUERY], group="lesion 7", sha256="a" * 64)
    records[LESION] = replace(records[LESION], group="lesion 7", vector=records[QUERY].vector)
    records[FILE] = replace(records[FILE], sha256="a" * 64)
    return evaluated(list(records.values()), lambda id: pictures.get(id) or noise(id))


def shown(folder: Path) -> dict[str, Answered]:
    """The query's answers by strategy."""
    done = evaluate(planted(), PLAN, Learners((Vote(),)), folder=folder)
    return {each.strategy: each for each in done.answers if each.query == QUERY}


def test_neither_lesion_nor_file_nor_copy_is_ever_shown(tmp_path: Path) -> None:
    answers = shown(tmp_path)
    assert set(answers) == {"random", "topk_nearest", "invariant_select", "invariant_select+centred"}
    for answered in answers.values():
        # All others of the pool are: 24, less the three, of which the lesion is in neither side of the fold.
        assert len(answered.demonstrations) == 21
        assert not {LESION, FILE, COPY} & set(answered.demonstrations)
        assert (answered.barred_group, answered.barred_content) == (0, 1)
        assert answered.barred_near_duplicate == 2  # the file and its copy


def test_a_group_on_both_sides_of_a_fold_is_barred_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A protocol keeps groups together; should one ever not, the guard stands behind it."""
    _divide_without_groups(monkeypatch)
    for answered in shown(tmp_path).values():
        assert len(answered.demonstrations) == 21
        assert not {LESION, FILE, COPY} & set(answered.demonstrations)
        assert (answered.barred_group, answered.barred_content, answered.barred_near_duplicate) == (1, 1, 3)


def test_without_the_guard_all_of_them_would_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So the tests above can fail."""
    _divide_without_groups(monkeypatch)
    real = fold_by_fold.barred_of

    def nothing(fold: Fold, **columns: object):  # type: ignore[no-untyped-def]
        free = real(fold, **columns)  # type: ignore[arg-type]
        return replace(free, starts=np.zeros_like(free.starts), places=free.places[:0], reasons=free.reasons[:0])

    monkeypatch.setattr(fold_by_fold, "barred_of", nothing)
    monkeypatch.setattr(Barrier, "lets_pass", lambda self, positions, scores: np.ones(len(positions), dtype=np.bool_))
    for answered in shown(tmp_path).values():
        assert {LESION, FILE, COPY} <= set(answered.demonstrations)


def _divide_without_groups(patch: pytest.MonkeyPatch) -> None:
    def divided(protocol, labels, domains, groups, **more):  # type: ignore[no-untyped-def]
        return registry.folds_of(protocol, labels, domains, [None] * len(labels), **more)

    patch.setattr(fold_draw, "folds_of", divided)


def test_a_record_that_is_dead_is_never_shown(tmp_path: Path) -> None:
    records = records_of()
    dead = Record("dead.png", 99, records[-1].vector, "red", "dusk", alive=False)
    done = evaluate(evaluated([dead, *records]), PLAN, Learners((Vote(),)), folder=tmp_path)
    assert not any("dead.png" in each.demonstrations for each in done.answers)
