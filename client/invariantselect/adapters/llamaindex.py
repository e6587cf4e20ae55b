"""LlamaIndex: a retriever that finds demonstrations by image.

Needs llama-index-core (``pip install 'invariantselect[llamaindex]'``).
"""

from __future__ import annotations

import asyncio
from typing import Unpack

from invariantselect.adapters.clients import SelectingAsyncClient, SelectingClient
from invariantselect.adapters.extras import missing_extra
from invariantselect.adapters.pictured import pictured
from invariantselect.errors import PromptInvalidError
from invariantselect.inputs import QueryInput, SelectionKeywords
from invariantselect.prompts.budget import ImageBudget
from invariantselect.selection import Selection

try:
    from llama_index.core.base.base_retriever import BaseRetriever
    from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle
except ModuleNotFoundError as error:
    raise missing_extra("llama-index-core", "llamaindex") from error

__all__ = ["DemonstrationRetriever"]


class DemonstrationRetriever(BaseRetriever):
    """Retrieves a pool's demonstrations as image nodes with scores, the most similar first.

    A query is a `QueryBundle` with ``image_path``, or a data URI as its text. Other text is refused, not taken for a
    path: it often comes from strangers. `retrieve_image` takes everything else that a selection can be made for.

    Args:
        client: An `invariantselect.Client`.
        pool: Name of the pool.
        async_client: An `invariantselect.AsyncClient` for ``aretrieve``, which otherwise uses `client` in a thread.
        budget: What the nodes' images may cost together.
        **options: Those of `SelectionOptions`: ``k``, ``where``, ``label_balance``, …; ``order`` is ``nearest_first``
            unless given, as retrievers are expected to rank.

    Example:
        ```python
        retriever = DemonstrationRetriever(client, "animals", k=4)
        nodes = retriever.retrieve(QueryBundle("which animal?", image_path="query.png"))
        ```
    """

    def __init__(
        self,
        client: SelectingClient,
        pool: str,
        *,
        async_client: SelectingAsyncClient | None = None,
        budget: ImageBudget | None = None,
        **options: Unpack[SelectionKeywords],
    ) -> None:
        super().__init__()
        self._client = client
        self._async_client = async_client
        self._pool = pool
        self._budget = budget
        self._options: SelectionKeywords = {"order": "nearest_first", **options}

    def retrieve_image(self, query: QueryInput) -> list[NodeWithScore]:
        """Nodes for an image (path, bytes, open file, Pillow image, data URI), an `ImageQuery` or a `Query`.

        Returns:
            Nodes whose text is the label, whose image is base64, and whose metadata are the demonstration's own with
            label, domain, group and rank added.

        Raises:
            InvariantSelectError: What `Client.select` raises.
        """
        return self._nodes(self._client.select(self._pool, query, **self._options))

    async def aretrieve_image(self, query: QueryInput) -> list[NodeWithScore]:
        """As `retrieve_image`, awaited."""
        if self._async_client is None:
            return await asyncio.to_thread(self.retrieve_image, query)
        selection = await self._async_client.select(self._pool, query, **self._options)
        return await asyncio.to_thread(self._nodes, selection)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.retrieve_image(_image_in(query_bundle))

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await self.aretrieve_image(_image_in(query_bundle))

    def _nodes(self, selection: Selection) -> list[NodeWithScore]:
        return [
            NodeWithScore(
                node=ImageNode(
                    id_=shown.id,
                    text=shown.label,
                    image=picture.base64,
                    image_mimetype=picture.media_type,
                    metadata={
                        **shown.metadata,
                        "label": shown.label,
                        "domain": shown.domain,
                        "group": shown.group,
                        "rank": shown.rank,
                    },
                ),
                score=shown.score,
            )
            for shown, picture in pictured(selection, self._budget)
        ]


def _image_in(query: QueryBundle) -> str:
    if query.image_path is not None:
        return str(query.image_path)
    if query.query_str[:5].lower() == "data:":
        return str(query.query_str)
    raise PromptInvalidError(
        "the query has no image, and demonstrations are found by image only",
        hint="Give QueryBundle(image_path=…), a data URI as the query's text, or call retrieve_image.",
    )
