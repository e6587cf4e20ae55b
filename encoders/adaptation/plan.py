"""What an adaptation shall do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from encoders.adaptation.augmentation import Augmentation
from encoders.adaptation.finetune import FinetuneOptions
from encoders.adaptation.head import HeadOptions
from encoders.objectives.cci import Cci
from encoders.objectives.objective import Objective

__all__ = ["DepthName", "Plan"]

DepthName = Literal["auto", "closed_form", "head", "finetune"]


@dataclass(frozen=True)
class Plan:
    """Which depths compete, how they learn, and how long that may take.

    Attributes:
        depth: One, or ``auto``: all that the budget allows.
        objective: What head and trunk are trained with.
        budget_seconds: How long an adaptation may take, the validation in it; closed form and head take what they
            need, fine-tuning what is left.
        steps: Of the fine-tuning on everything, a quarter of them for each fold; None for what the budget allows. With
            a number the budget decides nothing: what comes out hangs on the machine's rounding, and on whether it was
            found to be faster in bfloat16, and compiled.
        head: How a head is trained.
        finetune: How the trunk is trained.
        augmentation: How far views of an image stray.
        seed: Of everything that is drawn.
        device: ``cpu`` or ``cuda:<number>``, for fine-tuning.
        adapted_only: Whether ``auto`` chooses the best of the adapted spaces, even where the frozen one is better.
    """

    depth: DepthName = "auto"
    objective: Objective = field(default_factory=Cci)
    budget_seconds: float = 600.0
    steps: int | None = None
    head: HeadOptions = field(default_factory=HeadOptions)
    finetune: FinetuneOptions = field(default_factory=FinetuneOptions)
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    device: str = "cpu"
    adapted_only: bool = False
