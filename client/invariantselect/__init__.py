"""Client of invariantselect: demonstrations for the prompts of large multimodal models.

Names are imported when they are first used, so that ``import invariantselect`` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from invariantselect.answers import AnswerParser, ParsedAnswer
    from invariantselect.async_client import AsyncClient
    from invariantselect.client import Client
    from invariantselect.comparison import Comparison
    from invariantselect.errors import InvariantSelectError
    from invariantselect.image_inputs import ImageInput
    from invariantselect.inputs import ImageQuery, NewDemonstration
    from invariantselect.prompts import ImageBudget
    from invariantselect.selection import Selection
    from invariantselect.wire import (
        AdaptationResult,
        BatchOutcome,
        Demonstration,
        DemonstrationInput,
        DemonstrationList,
        DemonstrationPage,
        Diversity,
        EmbeddingsResponse,
        EncoderInfo,
        EncoderVersionInfo,
        EncoderVersionList,
        EvaluationResult,
        Exclusions,
        Job,
        JobEvent,
        JobProgress,
        ModelAsked,
        Outcome,
        PoolInfo,
        Quantisation,
        Query,
        Selected,
        SelectionFailure,
        SelectionOptions,
    )

__all__ = [
    "AdaptationResult",
    "AnswerParser",
    "AsyncClient",
    "BatchOutcome",
    "Client",
    "Comparison",
    "Demonstration",
    "DemonstrationInput",
    "DemonstrationList",
    "DemonstrationPage",
    "Diversity",
    "EmbeddingsResponse",
    "EncoderInfo",
    "EncoderVersionInfo",
    "EncoderVersionList",
    "EvaluationResult",
    "Exclusions",
    "ImageBudget",
    "ImageInput",
    "ImageQuery",
    "InvariantSelectError",
    "Job",
    "JobEvent",
    "JobProgress",
    "ModelAsked",
    "NewDemonstration",
    "Outcome",
    "ParsedAnswer",
    "PoolInfo",
    "Quantisation",
    "Query",
    "Selected",
    "Selection",
    "SelectionFailure",
    "SelectionOptions",
    "__version__",
]

__version__ = "0.1.0"

_HOME = {
    "AnswerParser": "answers",
    "AsyncClient": "async_client",
    "Client": "client",
    "Comparison": "comparison",
    "ImageBudget": "prompts",
    "ImageInput": "image_inputs",
    "ImageQuery": "inputs",
    "InvariantSelectError": "errors",
    "NewDemonstration": "inputs",
    "ParsedAnswer": "answers",
    "Selection": "selection",
}


if not TYPE_CHECKING:  # a type checker would take any name for granted

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME.get(name, 'wire')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
