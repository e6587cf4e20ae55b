"""DSPy: demonstrations as examples with images, for ``demos`` or as the retrieval model.

Needs dspy (``pip install 'invariantselect[dspy]'``).
"""

from __future__ import annotations

from typing import Any, Unpack

from invariantselect.adapters.clients import SelectingClient
from invariantselect.adapters.extras import missing_extra
from invariantselect.adapters.pictured import pictured
from invariantselect.inputs import QueryInput, SelectionKeywords
from invariantselect.prompts.budget import ImageBudget

try:
    import dspy
except ModuleNotFoundError as error:
    raise missing_extra("dspy", "dspy") from error

__all__ = ["DemonstrationSource"]


class DemonstrationSource:
    """A callable that gives a pool's demonstrations for a query image as `dspy.Example` in prompt order.

    Args:
        client: An `invariantselect.Client`.
        pool: Name of the pool.
        image_field: The signature's field for the image.
        label_field: The signature's field for the label.
        budget: What the images may cost together.
        **options: Those of `SelectionOptions`: ``k``, ``where``, ``label_balance``, …

    Example:
        ```python
        demonstrations = DemonstrationSource(client, "animals", k=4)
        classify = dspy.Predict("image: dspy.Image -> label: str")
        image = dspy.Image.from_path("query.png")
        classify(image=image, demos=demonstrations(image))
        ```
    """

    def __init__(
        self,
        client: SelectingClient,
        pool: str,
        *,
        image_field: str = "image",
        label_field: str = "label",
        budget: ImageBudget | None = None,
        **options: Unpack[SelectionKeywords],
    ) -> None:
        self._client = client
        self._pool = pool
        self._image_field = image_field
        self._label_field = label_field
        self._budget = budget
        self._options = options

    def __call__(self, query: QueryInput | dspy.Image, k: int | None = None) -> list[dspy.Example]:
        """Examples for a query.

        Args:
            query: A `dspy.Image` that holds its data, or whatever `Client.select` takes. A str is a path unless it is
                a data URI, so don't let strangers choose it.
            k: How many, instead of the ``k`` of the options; `dspy.Retrieve` passes it.

        Returns:
            Examples with the image as input field and the label; also id, domain, group, score, rank and metadata,
            and ``long_text``, the label, which is what `dspy.Retrieve` reads.

        Raises:
            ImageNotFoundError: A `dspy.Image` that is only a URL: URLs are not fetched.
            InvariantSelectError: What `Client.select` raises.
        """
        options: SelectionKeywords = {**self._options} if k is None else {**self._options, "k": k}
        asked: Any = query.url if isinstance(query, dspy.Image) else query
        selection = self._client.select(self._pool, asked, **options)
        return [
            dspy.Example(
                id=shown.id,
                domain=shown.domain,
                group=shown.group,
                score=shown.score,
                rank=shown.rank,
                metadata=dict(shown.metadata),
                long_text=shown.label,
                **{self._image_field: dspy.Image(picture.data_uri), self._label_field: shown.label},
            ).with_inputs(self._image_field)
            for shown, picture in pictured(selection, self._budget)
        ]
