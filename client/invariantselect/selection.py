"""The selection that the SDK hands out: the server's answer, and the image bytes that a prompt is made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import PrivateAttr

from invariantselect.errors import PromptInvalidError
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
