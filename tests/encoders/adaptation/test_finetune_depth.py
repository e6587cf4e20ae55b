"""Folds rehearse, the trunk that is kept has learnt from everything, and what was settled is how it is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders.adaptation import finetune_depth
from encoders.adaptation.augmentation import Augmentation
from encoders.adaptation.examples import Examples
from encoders.adaptation.finetune import Finetuning
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.folds import folds_of
from encoders.adaptation.side_by_side import SideBySide, side_by_side
from encoders.adaptation.watch import SILENT, Watch
from encoders.efficientnet_lite0 import packaged_tower
from encoders.normalise import l2_normalised
from encoders.objectives.cci import Cci
from encoders.runtime.torch_runtime import TorchRuntime
from encoders.tower import Tower
from tests.encoders.adaptation.test_adapt import FINETUNE, pool_of
from tests.encoders.adaptation.towers import tower_of
from tests.encoders.adaptation.toy import training_of


def seen_by(tower: Tower, examples: Examples) -> Examples:
    """The same images with the vectors of a tower."""
    inputs = np.stack([tower.preprocessing.apply(examples.image(place)) for place in range(len(examples))])
    vectors = l2_normalised(TorchRuntime(tower.build(), device="cpu").features(inputs))
    return Examples(vectors, examples.label_names, examples.domain_names, examples.group_names, examples.image)


def finetune(told: list[tuple[str, int]], folder: Path | None = None) -> Finetune:
    """A fine-tuning of two steps on nine cells of three images."""
    watch = Watch(lambda *of: told.append((of[0], of[2])))
    made = Finetune(
        tower_of("transformer"),
        pool_of("clear", 3),
        Cci(),
        FINETUNE,
        Augmentation(),
        seed=0,
        device="cpu",
        folder=folder,
        watch=watch,
    )
    made.steps = 2
    return made


def test_folds_are_short_and_the_trunk_that_is_kept_learnt_from_all_images() -> None:
    told: list[tuple[str, int]] = []
    depth = finetune(told)
    depth.steps = 8
    examples = pool_of("clear", 3)
    assert depth.trainings(3) * depth.steps == depth.steps + 3 * depth.fold_steps
    for fold in folds_of(examples):
        depth.sides_of(fold)
    space = depth.final()
    steps = {name: total for name, total in told if name.startswith("fine-tuning")}
    assert sorted(steps.values()) == [2, 2, 2, 8]
    assert steps["fine-tuning, all domains"] == 8
    assert space.trunk is not None
    inputs = np.stack([space.trunk.preprocessing.apply(examples.image(place)) for place in range(len(examples))])
    found = TorchRuntime(space.trunk.build(), device="cpu").features(inputs)
    np.testing.assert_allclose(l2_normalised(found), space.vectors, atol=0.02)


@pytest.mark.parametrize(("base", "served_side"), [(tower_of("transformer"), None), (packaged_tower(), 160)])
def test_beside_the_frozen_trunk_nothing_is_trained_again(base: Tower, served_side: int | None) -> None:
    told: list[str] = []
    options = replace(FINETUNE, side=32, served_side=served_side)
    examples = seen_by(base, pool_of("clear", 3))
    watch = Watch(lambda *of: told.append(of[0]))
    depth = Finetune(base, examples, Cci(), options, Augmentation(), seed=0, device="cpu", folder=None, watch=watch)
    depth.steps = 1
    folds = folds_of(examples)
    trained = {fold: depth.sides_of(fold) for fold in folds}
    alone, both = depth.final(), SideBySide(examples, depth, trained)
    trainings = len(told)
    space = both.final()
    for fold in folds:
        for side, places, ours in zip(both.sides_of(fold), fold.judged(), trained[fold], strict=True):
            np.testing.assert_allclose(side, side_by_side(examples.vectors[places], ours), atol=1e-6)
    np.testing.assert_allclose(space.vectors, side_by_side(examples.vectors, alone.vectors), atol=1e-6)
    assert len(told) == trainings
    assert space.trunk is not None
    assert space.trunk.preprocessing == base.preprocessing
    assert (seen_by(space.trunk, examples).vectors * space.vectors).sum(axis=1).min() > 0.98


def test_it_serves_at_another_side_than_it_was_trained_at() -> None:
    examples = pool_of("clear", 3)
    options = replace(FINETUNE, side=32, served_side=40)
    depth = Finetune(
        packaged_tower(), examples, Cci(), options, Augmentation(), seed=0, device="cpu", folder=None, watch=SILENT
    )
    depth.steps = 1
    fold = folds_of(examples)[0]
    trained, _ = depth.sides_of(fold)
    space = depth.final()
    assert space.trunk is not None
    assert space.trunk.preprocessing == replace(packaged_tower().preprocessing, size=40)
    inputs = np.stack([space.trunk.preprocessing.apply(examples.image(place)) for place in range(len(examples))])
    found = TorchRuntime(space.trunk.build(), device="cpu").features(inputs)
    np.testing.assert_allclose(l2_normalised(found), space.vectors, atol=0.02)  # activations are kept in bfloat16
    assert not np.allclose(trained, space.vectors[fold.learn], atol=1e-6)


@pytest.mark.parametrize(("option", "values"), [("served_side", (128, 160)), ("trained_share", (1.0, 0.5))])
def test_what_comes_after_it_is_none_of_a_trainings_words(
    option: str, values: tuple[float, float], tmp_path: Path
) -> None:
    made = [training_of(tmp_path, **{option: value}, steps=2) for value in values]
    made[0].run()
    told: list[int] = []
    made[1].run(watch=Watch(lambda *of: told.append(of[1])))
    assert told == []  # the checkpoint is the other's


def test_what_is_kept_lies_between_the_frozen_vectors_and_the_trained_ones(tmp_path: Path) -> None:
    """None of the trained weights gives the frozen vectors; all of them another space than a part does."""
    examples = pool_of("clear", 3)
    spaces = {}
    for share in (0.0, 0.5, 1.0):
        told: list[tuple[str, int]] = []
        depth = finetune(told, tmp_path)
        depth._options = replace(FINETUNE, trained_share=share)
        depth.prepare()
        spaces[share] = depth.final().vectors
        assert ("fine-tuning, all domains" in dict(told)) == (share == 0.0)  # the first has trained for all of them
    tower = tower_of("transformer")
    inputs = np.stack([tower.preprocessing.apply(examples.image(place)) for place in range(len(examples))])
    frozen = l2_normalised(TorchRuntime(tower.build(), device="cpu").features(inputs))
    np.testing.assert_allclose(spaces[0.0], frozen, atol=0.02)
    assert np.abs(spaces[1.0] - frozen).max() > np.abs(spaces[0.5] - frozen).max() > 1e-4


def test_views_arent_made_again_where_every_training_has_ended(tmp_path: Path) -> None:
    examples = pool_of("clear", 3)
    options = replace(FINETUNE, side=32, served_side=40)
    counted: list[list[int]] = []
    for _ in range(2):
        views: list[int] = []
        depth = Finetune(
            packaged_tower(),
            examples,
            Cci(),
            options,
            Augmentation(),
            seed=0,
            device="cpu",
            folder=tmp_path,
            watch=SILENT,
        )
        depth._activations_of = lambda *of, made=depth._activations_of, views=views: views.append(of[1]) or made(*of)
        depth.steps = 1
        depth.final()
        counted.append(views)
    assert counted == [[1, options.views], [1]]


@pytest.mark.parametrize(("seconds", "chosen"), [((1.0, 0.8), True), ((1.0, 0.95), False), ((1.0, 1.3), False)])
def test_a_cpu_multiplies_in_half_precision_where_that_is_clearly_faster_and_remembers_it(
    seconds: tuple[float, float], chosen: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def tried(self: Finetune) -> object:
        asked.append(self.half_products)
        return type("Pace", (), {"each": seconds[self.half_products]})()

    monkeypatch.setattr(Finetune, "_tried", tried)
    monkeypatch.setattr(finetune_depth, "half_products_faster", lambda: True)
    for _ in range(2):
        depth = finetune([], tmp_path)
        depth.settle_precision()
        assert depth.half_products is chosen
    assert asked == [False, True]


def test_steps_are_not_tried_where_a_product_is_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finetune, "_tried", lambda self: pytest.fail("it was tried"))
    depth = finetune([])
    depth.settle_precision()
    assert depth.half_products is False


def test_what_was_settled_is_how_it_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[bool] = []
    descend = Finetuning._descend
    monkeypatch.setattr(Finetuning, "_descend", lambda self: (entered.append(self._half_products), descend(self))[1])
    depth = finetune([])
    depth.half_products = True
    depth.sides_of(folds_of(pool_of("clear", 3))[0])
    assert entered == [True] * depth.fold_steps
