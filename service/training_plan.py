"""From what a request says of a training to what `encoders.adaptation` is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invariantselect.wire.training import DepthName, TrainingOptions
from service.settings import Settings

if TYPE_CHECKING:
    from encoders.adaptation.plan import Plan

__all__ = ["training_plan"]


def training_plan(
    asked: TrainingOptions, depth: DepthName, budget_seconds: float, settings: Settings, *, adapted_only: bool = False
) -> Plan:
    """How encoders are adapted.

    Args:
        asked: With what they are trained.
        depth: How deep.
        budget_seconds: How long that may take.
        settings: Of this machine.
        adapted_only: Whether the frozen encoder may not win.
    """
    from encoders.adaptation.finetune import FinetuneOptions  # brings torch, which takes seconds
    from encoders.adaptation.plan import Plan
    from encoders.objectives.registry import objective
    from encoders.runtime.device import resolve_device

    return Plan(
        depth=depth,
        objective=objective(asked.objective, **asked.options),
        budget_seconds=budget_seconds,
        finetune=FinetuneOptions(blocks=asked.blocks, cache_bytes=settings.adaptation_cache_bytes),
        seed=asked.seed,
        device=resolve_device(settings.device),
        adapted_only=adapted_only,
    )
