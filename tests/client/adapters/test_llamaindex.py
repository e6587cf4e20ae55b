"""The retriever through LlamaIndex's own retrieve and aretrieve."""

from __future__ import annotations

from pathlib import Path

import pytest
from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.schema import ImageNode, NodeWithScore, QueryBundle

from invariantselect import AsyncClient, Client, Query
from invariantselect.adapters.llamaindex import DemonstrationRetriever
from invariantselect.errors import PromptInvalidError
from invariantselect.image_inputs import data_uri
from tests.client.adapters.conftest import SmallPool, colour_of, png


@pytest.fixture
def query(tmp_path: Path) -> QueryBundle:
    path = tmp_path / "query.png"
    path.write_bytes(png("white"))
    return QueryBundle("which animal?", image_path=str(path))


def ids(nodes: list[NodeWithScore]) -> list[str]:
    return [node.node_id for node in nodes]


def test_an_image_path_retrieves_ranked_image_nodes(client: Client, pool: SmallPool, query: QueryBundle) -> None:
    retriever = DemonstrationRetriever(client, "animals", k=2)
    nodes = retriever.retrieve(query)
    assert isinstance(retriever, BaseRetriever)
    assert [(node.node_id, node.text, node.score) for node in nodes] == [
        ("a/dog.png", "dog", 0.9),
        ("b/cat.png", "cat", 0.8),
    ]
    node = nodes[0].node
    assert isinstance(node, ImageNode)
    assert node.image_mimetype == "image/png"
    assert node.image is not None
    assert colour_of(node.image) == (255, 0, 0)
    assert node.metadata == {"age": 1, "label": "dog", "domain": "photo", "group": None, "rank": 1}
    assert colour_of(pool.selects[0]["query"]["image"]) == (255, 255, 255)


def test_an_order_that_is_given_is_kept(client: Client, query: QueryBundle) -> None:
    nodes = DemonstrationRetriever(client, "animals", k=2, order="nearest_last").retrieve(query)
    assert ids(nodes) == ["b/cat.png", "a/dog.png"]


def test_a_data_uri_is_a_query_and_other_text_is_never_taken_for_a_path(client: Client, query: QueryBundle) -> None:
    retriever = DemonstrationRetriever(client, "animals", k=1)
    assert ids(retriever.retrieve(data_uri(png("white")))) == ["a/dog.png"]
    for text in ("which animal?", query.image_path):
        with pytest.raises(PromptInvalidError, match="no image"):
            retriever.retrieve(text)


@pytest.mark.parametrize("form", [png("white"), Query(id="b/cat.png")], ids=["bytes", "a stored id"])
def test_anything_that_can_be_selected_for_can_be_retrieved_for(client: Client, form: bytes | Query) -> None:
    assert ids(DemonstrationRetriever(client, "animals", k=1).retrieve_image(form)) == ["a/dog.png"]


@pytest.mark.parametrize("own", [True, False], ids=["an async client", "a thread"])
async def test_aretrieve_does_the_same_with(
    own: bool, client: Client, async_client: AsyncClient, query: QueryBundle
) -> None:
    retriever = DemonstrationRetriever(client, "animals", k=3, async_client=async_client if own else None)
    assert await retriever.aretrieve(query) == retriever.retrieve(query)
