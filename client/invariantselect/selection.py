"""The selection that the SDK hands out: the server's answer, and the image bytes that a prompt is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, Unpack

from pydantic import PrivateAttr

from invariantselect.errors import PromptInvalidError
from invariantselect.prompts import (
    Labelled,
    Prompt,
    PromptOptions,
    anthropic_messages,
    build_prompt,
    gemini,
    openai_chat,
    openai_responses,
)
from invariantselect.prompts.anthropic_messages import CacheLifetime
from invariantselect.prompts.openai_chat import Detail
from invariantselect.prompts.prompt import DEFAULT_QUESTION
from invariantselect.wire.selections import Selection as WireSelection

__all__ = ["Selection"]


class Selection(WireSelection):
    """The chosen demonstrations in prompt order, with their images when they were fetched.

    The fields are those of `invariantselect.wire.Selection`. Image bytes ride along privately: they are neither part
    of the JSON form nor of the repr.
    """

    _images: dict[str, bytes] = PrivateAttr(default_factory=dict)
    _query_image: bytes | None = PrivateAttr(default=None)

    @classmethod
    def from_wire(
        cls,
        wire: WireSelection,
        *,
        images: Mapping[str, bytes] | None = None,
        query_image: bytes | None = None,
    ) -> Self:
        """The wire's selection with its images.

        Args:
            wire: The server's answer.
            images: Encoded image files (JPEG, PNG, …) by demonstration id.
            query_image: The query's encoded image file; None for a query by vector.
        """
        selection = cls(**dict(wire))
        selection._images = dict(images or {})
        selection._query_image = query_image
        return selection

    @property
    def query_image(self) -> bytes | None:
        """The query's encoded image file; None for a query by vector or when images were not fetched."""
        return self._query_image

    def image(self, id: str) -> bytes:
        """The encoded image file of one chosen demonstration.

        Raises:
            PromptInvalidError: The demonstration wasn't chosen, or the selection was made with ``images=False``.
        """
        try:
            return self._images[id]
        except KeyError:
            raise PromptInvalidError(
                f"the selection holds no image of {id!r}", hint="Select with images=True.", id=id
            ) from None

    def to_openai(
        self, question: str = DEFAULT_QUESTION, *, detail: Detail = "auto", **options: Unpack[PromptOptions]
    ) -> list[dict[str, Any]]:
        """Messages for OpenAI's chat completions and every server that speaks them.

        Args:
            question: Asked of every image.
            detail: How closely the model looks at the images.
            **options: See `PromptOptions`: choices, enumeration, answer_template, system, layout, budget, query_image.

        Raises:
            PromptInvalidError: The prompt can't be built from this selection and these options; see `build_prompt`,
                also for the errors of images.
        """
        return openai_chat.render(self._prompt(question, options), detail=detail)

    def to_responses(
        self, question: str = DEFAULT_QUESTION, *, detail: Detail = "auto", **options: Unpack[PromptOptions]
    ) -> list[dict[str, Any]]:
        """Input for OpenAI's Responses API; arguments and errors as for `to_openai`."""
        return openai_responses.render(self._prompt(question, options), detail=detail)

    def to_anthropic(
        self,
        question: str = DEFAULT_QUESTION,
        *,
        cache: CacheLifetime | None = None,
        **options: Unpack[PromptOptions],
    ) -> dict[str, Any]:
        """``system`` and ``messages`` for Anthropic's Messages API; the rest as for `to_openai`.

        Args:
            question: Asked of every image.
            cache: ``"5m"`` or ``"1h"`` marks the last demonstration, so that the vendor caches everything up to it.
            **options: See `PromptOptions`.
        """
        return anthropic_messages.render(self._prompt(question, options), cache=cache)

    def to_gemini(self, question: str = DEFAULT_QUESTION, **options: Unpack[PromptOptions]) -> dict[str, Any]:
        """``contents`` and ``system_instruction`` for Google's Gemini API; the rest as for `to_openai`."""
        return gemini.render(self._prompt(question, options))

    def _prompt(self, question: str, options: PromptOptions) -> Prompt:
        labelled = [Labelled(shown.id, shown.label, self.image(shown.id)) for shown in self.demonstrations]
        query_image = options.get("query_image")
        given: PromptOptions = {**options, "query_image": self._query_image if query_image is None else query_image}
        return build_prompt(labelled, question=question, **given)
