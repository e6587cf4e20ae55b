"""Which models a server asks for its clients, and how: its operator's word, for they cost money and need a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from invariantselect.errors import LearnerDisabledError
from invariantselect.wire.evaluation import ModelAsked
from service.settings import Settings

if TYPE_CHECKING:
    from evaluation.learners.lmm import LmmOptions

__all__ = ["check_allowed", "options_of"]


def check_allowed(asked: ModelAsked | None, settings: Settings) -> None:
    """Let pass a request that names no model, or one that may be asked.

    Raises:
        LearnerDisabledError: It may not.
    """
    if asked is not None and asked.model not in settings.lmm_models:
        raise LearnerDisabledError(f"this server doesn't ask the model {asked.model!r}")


def options_of(asked: ModelAsked | None, settings: Settings) -> LmmOptions | None:
    """How a model is asked; None for none.

    Raises:
        LearnerDisabledError: It may not be asked.
    """
    check_allowed(asked, settings)
    if asked is None:
        return None
    from evaluation.learners.lmm import LmmOptions

    return LmmOptions(
        asked.model,
        base_url=settings.lmm_base_url,
        key_variable=settings.lmm_key_variable,
        question=asked.question,
        most_requests=asked.most_requests,
        most_tokens=settings.lmm_most_tokens,
        tells_address=False,  # a job's errors are read by whoever may see the job
    )
