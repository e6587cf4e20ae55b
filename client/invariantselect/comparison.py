"""The comparison that the SDK hands out: the selections of several strategies for one query, with their images."""

from __future__ import annotations

from invariantselect.selection import Selection
from invariantselect.wire.selections import Comparison as WireComparison

__all__ = ["Comparison"]


class Comparison(WireComparison):
    """One query answered by several strategies; each answer makes prompts as if it had been asked for alone.

    The fields are those of `invariantselect.wire.Comparison`, the selections those of the SDK.

    Example:
        ```python
        comparison = client.compare("skin", "new-patient.jpg", k=7)
        messages = comparison["invariant_select"].to_openai("Which lesion is this?")
        ```
    """

    selections: dict[str, Selection]  # type: ignore[assignment]  # the SDK's, which have images

    def __getitem__(self, strategy: str) -> Selection:
        """The selection of one strategy; KeyError for one that wasn't asked for."""
        return self.selections[strategy]
