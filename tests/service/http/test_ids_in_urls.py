"""Any id that is allowed reaches its demonstration through a URL, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from invariantselect.client import Client
from service.app import create_app
from service.settings import Settings
from tests.fakes.pixel_encoder import PixelEncoder
from tests.service.live_server import live
from tests.service.pictures import data_uri

ids = st.one_of(
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters=[chr(i) for i in [*range(32), 127]]),
        min_size=1,
        max_size=40,
    ),
    st.lists(st.sampled_from([".", "..", "", "a", "%2F", "%", "?x", "#y", ":upsert", "~", " ", "é", "+"]), min_size=1)
    .map("/".join)
    .filter(bool),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = create_app(
        Settings(data=tmp_path_factory.mktemp("data"), encoder="pixel-16-0"), load_encoder=lambda _: PixelEncoder()
    )
    with live(app) as url, httpx2.Client(base_url=url) as http:
        http.post("/v1/pools", json={"name": "p"}).raise_for_status()
        yield url


@pytest.fixture(scope="module")
def http(address: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=address) as opened:
        yield opened


@pytest.fixture(scope="module")
def sdk(address: str) -> Iterator[Client]:
    with Client(address) as opened:
        yield opened


@given(id=ids)
@example(id="a/b/../../../c//d/")
@example(id="..")
@example(id="/")
@example(id="a%2Fb?c=d#e;f")
@example(id="demonstrations:upsert")
@example(id="\x80\x85\u2028")
@settings(max_examples=30, deadline=None)
def test_an_id_survives_the_way_there_and_back(http: httpx2.Client, sdk: Client, id: str) -> None:
    sent = {"demonstrations": [{"id": id, "image": data_uri(len(id)), "label": "x"}]}
    stored = http.post("/v1/pools/p/demonstrations:upsert", json=sent).json()
    assert stored["outcomes"][0]["id"] == id
    assert stored["failed"] == 0
    found = sdk.get("p", id)
    assert found.id == id
    image = http.get(found.image_url)
    assert image.headers["etag"] == f'"{found.image_sha256}"'
    assert sdk.patch("p", id, domain="d").domain == "d"
    assert sdk.delete("p", id).outcomes[0].status == "deleted"
    assert http.get(found.image_url).json()["code"] == "demonstration_not_found"


@pytest.mark.parametrize("path", ["", "%00", "a%0Ab", "%7F", "a" * 513])
@pytest.mark.parametrize("collection", ["demonstrations", "images"])
def test_what_can_be_no_id_is_refused(http: httpx2.Client, collection: str, path: str) -> None:
    response = http.get(f"/v1/pools/p/{collection}/{path}")
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"
