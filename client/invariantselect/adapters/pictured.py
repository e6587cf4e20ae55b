"""The demonstrations of a selection with their pictures, as every adapter hands them on."""

from __future__ import annotations

from invariantselect.prompts.budget import ImageBudget
from invariantselect.prompts.pictures import Picture, fit_all
from invariantselect.selection import Selection
from invariantselect.wire.selections import Selected

__all__ = ["pictured"]


def pictured(selection: Selection, budget: ImageBudget | None) -> list[tuple[Selected, Picture]]:
    """Each demonstration, in prompt order, with its picture; all pictures together within the budget.

    Raises:
        PromptInvalidError: The selection holds no images, or the budget can't be met.
        ImageUnreadableError: An image is damaged; `ImageTooLargeError` and `ImageFormatUnsupportedError` likewise.
    """
    limits = budget or ImageBudget()
    files = [(f"the image of {shown.id!r}", selection.image(shown.id)) for shown in selection.demonstrations]
    pictures = fit_all(files, limits, most=limits.max_total_bytes)
    return list(zip(selection.demonstrations, pictures, strict=True))
