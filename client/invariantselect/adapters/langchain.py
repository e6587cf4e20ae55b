"""LangChain: an example selector for few-shot prompts whose examples are images.

Needs langchain-core (``pip install 'invariantselect[langchain]'``).
"""

from __future__ import annotations

import hashlib
from typing import Any, Unpack

from invariantselect.adapters.clients import SelectingAsyncClient, SelectingClient
from invariantselect.adapters.extras import missing_extra
from invariantselect.adapters.pictured import pictured
from invariantselect.errors import DemonstrationInvalidError, PromptInvalidError, error_from_problem
from invariantselect.image_inputs import image_bytes
from invariantselect.inputs import NewDemonstration, QueryInput, SelectionKeywords
from invariantselect.prompts.budget import ImageBudget
from invariantselect.selection import Selection
from invariantselect.wire.demonstrations import BatchOutcome

try:
    from langchain_core.example_selectors import BaseExampleSelector
    from langchain_core.runnables import run_in_executor
except ModuleNotFoundError as error:
    raise missing_extra("langchain-core", "langchain") from error

__all__ = ["DemonstrationSelector"]

_OPTIONAL = ("domain", "group", "metadata", "id")


class DemonstrationSelector(BaseExampleSelector):
    """Selects a pool's demonstrations for the image among a prompt's input variables.

    Args:
        client: An `invariantselect.Client`.
        pool: Name of the pool.
        async_client: An `invariantselect.AsyncClient` for the async methods, which otherwise use `client` in a thread.
        image_key: The input variable that holds the query: a path, bytes, a data URI, an `ImageQuery`, a `Query`. A
            str is a path unless it is a data URI, so don't let strangers choose it.
        label_key: Under which an example's label stands.
        budget: What the examples' images may cost together.
        **options: Those of `SelectionOptions`: ``k``, ``where``, ``label_balance``, …

    Example:
        ```python
        selector = DemonstrationSelector(client, "animals", k=4)
        example = ChatPromptTemplate.from_messages([
            ("human", [{"type": "image_url", "image_url": {"url": "{image}"}}]),
            ("ai", "{label}"),
        ])
        few_shot = FewShotChatMessagePromptTemplate(
            example_selector=selector, example_prompt=example, input_variables=["image"]
        )
        ```
    """

    def __init__(
        self,
        client: SelectingClient,
        pool: str,
        *,
        async_client: SelectingAsyncClient | None = None,
        image_key: str = "image",
        label_key: str = "label",
        budget: ImageBudget | None = None,
        **options: Unpack[SelectionKeywords],
    ) -> None:
        self._client = client
        self._async_client = async_client
        self._pool = pool
        self._image_key = image_key
        self._label_key = label_key
        self._budget = budget
        self._options = options

    def select_examples(self, input_variables: dict[str, Any]) -> list[dict[str, Any]]:
        """Demonstrations in prompt order, for the image under `image_key`.

        Returns:
            For each: the image as a data URI under `image_key`, the label under `label_key`, and id, domain, group,
            score, rank and metadata.

        Raises:
            PromptInvalidError: No input variable has the name `image_key`.
            InvariantSelectError: What `Client.select` raises.
        """
        return self._examples(self._client.select(self._pool, self._query(input_variables), **self._options))

    async def aselect_examples(self, input_variables: dict[str, Any]) -> list[dict[str, Any]]:
        """As `select_examples`, awaited."""
        if self._async_client is None:
            return await run_in_executor(None, self.select_examples, input_variables)
        selection = await self._async_client.select(self._pool, self._query(input_variables), **self._options)
        return await run_in_executor(None, self._examples, selection)

    def add_example(self, example: dict[str, Any]) -> str:
        """Upsert a demonstration into the pool.

        Args:
            example: The image under `image_key` and the label under `label_key`; optionally id, domain, group and
                metadata. Without an id, the SHA-256 of the image file is its id, so adding it again changes nothing.

        Returns:
            The id.

        Raises:
            DemonstrationInvalidError: A key is missing or unknown.
            InvariantSelectError: The server refused the demonstration, or what `Client.upsert` raises.
        """
        demonstration = self._demonstration(example)
        return _accepted(self._client.upsert(self._pool, [demonstration]))

    async def aadd_example(self, example: dict[str, Any]) -> str:
        """As `add_example`, awaited."""
        if self._async_client is None:
            return await run_in_executor(None, self.add_example, example)
        demonstration = await run_in_executor(None, self._demonstration, example)
        return _accepted(await self._async_client.upsert(self._pool, [demonstration]))

    def _query(self, input_variables: dict[str, Any]) -> QueryInput:
        if self._image_key not in input_variables:
            raise PromptInvalidError(
                f"no input variable is named {self._image_key!r}", hint="Pass the query image, or set image_key."
            )
        query: QueryInput = input_variables[self._image_key]
        return query

    def _examples(self, selection: Selection) -> list[dict[str, Any]]:
        return [
            {
                "id": shown.id,
                "domain": shown.domain,
                "group": shown.group,
                "score": shown.score,
                "rank": shown.rank,
                "metadata": dict(shown.metadata),
                self._label_key: shown.label,
                self._image_key: picture.data_uri,
            }
            for shown, picture in pictured(selection, self._budget)
        ]

    def _demonstration(self, example: dict[str, Any]) -> NewDemonstration:
        needed = {self._image_key, self._label_key}
        unfit = sorted((needed - example.keys()) | (example.keys() - needed - set(_OPTIONAL)))
        if unfit:
            raise DemonstrationInvalidError(
                f"an example's keys are {', '.join(sorted(needed))} and optionally {', '.join(_OPTIONAL)}; "
                f"missing or unknown: {', '.join(unfit)}"
            )
        data = image_bytes(example[self._image_key])
        return NewDemonstration(
            id=example.get("id") or hashlib.sha256(data).hexdigest(),
            image=data,
            label=example[self._label_key],
            domain=example.get("domain"),
            group=example.get("group"),
            metadata=example.get("metadata") or {},
        )


def _accepted(outcome: BatchOutcome) -> str:
    only = outcome.outcomes[0]
    if only.status == "failed":
        problem = only.error or {}
        status = problem.get("status")
        raise error_from_problem(problem, status=status if isinstance(status, int) else 422)
    return only.id
