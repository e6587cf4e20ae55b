"""The ablation: fine-tuning's default, and one factor changed at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from encoders.adaptation.augmentation import Augmentation
from encoders.adaptation.finetune import FinetuneOptions
from encoders.objectives.cci import Cci
from encoders.objectives.cross_entropy import CrossEntropy
from encoders.objectives.dcl import Dcl
from encoders.objectives.objective import Objective
from encoders.objectives.supcon import SupCon

__all__ = ["DEFAULT", "VARIANTS", "Variant"]


@dataclass(frozen=True)
class Variant:
    """One way to fine-tune.

    Attributes:
        factor: What is changed, in words.
        value: To what.
        objective: As in `encoders.adaptation.plan.Plan`.
        options: Likewise.
        augmentation: Likewise.
        balanced: Whether batches are drawn evenly over classes and domains; else all images come equally often.
        folds: Whether the weights are averaged with those of a training without each source domain (Ramé et al.,
            Diverse Weight Averaging, 2022, https://arxiv.org/abs/2205.09739).
    """

    factor: str = "default"
    value: str = ""
    objective: Objective = field(default_factory=Cci)
    options: FinetuneOptions = field(default_factory=FinetuneOptions)
    augmentation: Augmentation = field(default_factory=Augmentation)
    balanced: bool = True
    folds: bool = False

    @property
    def seen(self) -> tuple[object, ...]:
        """What the activations hang on: variants that agree in it share them."""
        return self.options.blocks, self.options.side, self.options.views, self.augmentation


DEFAULT = Variant()


def _options(factor: str, value: str, **changed: float | None) -> Variant:
    return replace(DEFAULT, factor=factor, value=value, options=replace(DEFAULT.options, **changed))


VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        "default": DEFAULT,
        "supcon": replace(DEFAULT, factor="loss", value="supcon", objective=SupCon()),
        "dcl": replace(DEFAULT, factor="loss", value="dcl", objective=Dcl()),
        "cross_entropy": replace(DEFAULT, factor="loss", value="cross_entropy", objective=CrossEntropy()),
        "tau_0.05": replace(DEFAULT, factor="τ", value="0.05", objective=Cci(temperature=0.05)),
        "tau_0.2": replace(DEFAULT, factor="τ", value="0.2", objective=Cci(temperature=0.2)),
        "tau_1": replace(DEFAULT, factor="τ", value="1", objective=Cci(temperature=1.0)),
        "other_domain": replace(
            DEFAULT, factor="positives", value="other_domain", objective=Cci(positives="other_domain")
        ),
        "side_96": _options("side", "96 px", side=96),
        "side_160": _options("side", "160 px", side=160),
        "blocks_4": _options("trained blocks", "4", blocks=4),
        "blocks_11": _options("trained blocks", "11", blocks=11),
        "no_augmentation": _options("augmentation", "off", views=1),
        "no_style_mixing": _options("style mixing", "off", style_mixing=0.0),
        "plain_batches": replace(DEFAULT, factor="sampler", value="plain random batches", balanced=False),
        "no_weight_average": _options("mean of the weights over steps", "off", memory=0.0),
        "fold_average": replace(DEFAULT, factor="mean with the folds' weights", value="on", folds=True),
    }
)
"""Each variant by its name in files; ``default`` is the first. The closed form behind is a row of every one of them."""
