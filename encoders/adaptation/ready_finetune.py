"""Whether fine-tuning takes part: what of it the device's memory and the budget allow, or why it stays out."""

from __future__ import annotations

import math
import time

import torch

from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.plan import Plan
from encoders.adaptation.remembered import Remembered
from encoders.adaptation.step_count import steps_within

__all__ = ["ready_finetune"]


def ready_finetune(finetune: Finetune, plan: Plan, *, folds: int, end: float, remembered: Remembered) -> str | None:
    """Settle how a trunk is trained and how long, nothing slow before it is known that there is time for it.

    Args:
        finetune: Its `steps` are set.
        plan: Its steps are taken whatever the budget; where it has none, as many as the budget allows.
        folds: How many; each has a training, and all images are encoded behind it.
        end: Moment (`time.monotonic`) at which the budget is used up.
        remembered: What an attempt before has decided.

    Returns:
        Why the trunk isn't trained; None where it is.
    """
    short = f"a budget of {plan.budget_seconds:g} seconds is too short to fine-tune this pool here"
    try:
        finetune.prepare(folds, end if plan.steps is None else math.inf)
        if not remembered.once("in_time", lambda: time.monotonic() < finetune.end):
            return short
        finetune.settle_memory()
    except torch.OutOfMemoryError:
        return "the device's memory doesn't hold this encoder's training, not even with one image at a time"
    finetune.settle_precision()
    trainings = finetune.trainings(folds)

    def allowed() -> int:
        each = finetune.seconds_a_step()  # which takes its time, too
        return steps_within(finetune.end - time.monotonic(), each, trainings=trainings)

    finetune.steps = plan.steps or remembered.once("steps", allowed)
    if not finetune.steps:
        return short
    finetune.settle_compiling(trainings)
    return None
