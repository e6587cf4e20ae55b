"""Adapted encoders of a server: named by pools and never by requests, loaded once, freed when switched away."""

from __future__ import annotations

import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from encoders.encoder import Encoder
from invariantselect.errors import EncoderUnavailableError
from service.embedding.adapted_encoders import AdaptedEncoders
from tests.service.adapted_pool import adapt, adapted_encoder, pool_of, switch
from tests.service.conftest import Serve, fill, load_pixel_encoder
from tests.service.http.test_problems import check_problem
from tests.service.pictures import data_uri


class Loader:
    """Loads adapted encoders and tells which are still held by somebody."""

    def __init__(self) -> None:
        self.loaded: list[str] = []
        self.alive: weakref.WeakValueDictionary[str, Encoder] = weakref.WeakValueDictionary()

    def __call__(self, name: str) -> Encoder:
        encoder = load_pixel_encoder(name)
        if "/" in name:
            self.loaded.append(name)
            self.alive[name] = encoder
        return encoder

    def still_held(self) -> set[str]:
        gc.collect()
        return set(self.alive)


def test_the_least_recently_used_is_freed() -> None:
    loader = Loader()
    shelf = AdaptedEncoders(loader, 2)
    first = shelf.get("a", 2)
    shelf.get("b", 2)
    assert shelf.get("a", 2) is first
    shelf.get("c", 2)
    assert loader.still_held() == {"a/2", "c/2"}
    shelf.get("b", 2)
    assert loader.loaded == ["a/2", "b/2", "c/2", "b/2"]
    assert first.identity == adapted_encoder(2).identity  # who still has it may use it


def test_a_pool_has_one_encoder_at_a_time() -> None:
    loader = Loader()
    shelf = AdaptedEncoders(loader, 4)
    for number in (2, 3, 3, 2):
        assert shelf.get("a", number).identity.version == str(number)
        assert loader.still_held() == {f"a/{number}"}
    shelf.forget("a")
    shelf.forget("nobody")
    assert loader.still_held() == set()


def test_threads_that_ask_at_once_load_once() -> None:
    together, loaded = threading.Barrier(8), []

    def load(name: str) -> Encoder:
        loaded.append(name)
        return load_pixel_encoder(name)

    shelf = AdaptedEncoders(load, 4)

    def get(_: int) -> Encoder:
        together.wait(30)
        return shelf.get("a", 2)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(get, range(8)))
    assert loaded == ["a/2"]
    assert all(each is found[0] for each in found)


def test_one_that_could_not_be_loaded_is_tried_again() -> None:
    broken = [True]

    def load(name: str) -> Encoder:
        if broken.pop() if broken else False:
            raise EncoderUnavailableError("no room")
        return load_pixel_encoder(name)

    shelf = AdaptedEncoders(load, 4)
    with pytest.raises(EncoderUnavailableError):
        shelf.get("a", 2)
    assert shelf.get("a", 2).identity.version == "2"


def test_a_server_frees_the_encoder_that_was_switched_away(serve: Serve) -> None:
    loader = Loader()
    client = fill(serve(load=loader))
    stored = pool_of(client)
    body = {"query": {"image": data_uri(99)}, "strategy": "invariant_select"}
    versions = [adapt(client), adapt(client)]
    for version in (*versions, versions[0]):
        switch(stored, version)
        assert client.post("/v1/pools/p/select", json=body).json()["encoder_version"] == version.number
        assert loader.still_held() == {version.encoder}
    assert client.delete("/v1/pools/p").status_code == 204
    assert loader.still_held() == set()


def test_no_request_can_name_an_adapted_encoder(serve: Serve) -> None:
    loader = Loader()
    client = fill(serve(load=loader))
    version = adapt(client)
    for name in (version.encoder, f"{version.encoder}/", f"./{version.encoder}", f"encoders/{version.encoder}"):
        check_problem(client.post("/v1/pools", json={"name": "q", "encoder": name}), 404, "encoder_not_found")
        check_problem(
            client.post("/v1/embeddings", json={"input": data_uri(1), "model": name}), 404, "encoder_not_found"
        )
    assert loader.loaded == []
    assert [each["name"] for each in client.get("/v1/encoders").json()["encoders"]] == ["pixel-16-0"]


def test_a_version_that_names_any_other_encoder_needs_it_to_be_allowed(serve: Serve) -> None:
    loader = Loader()
    client = fill(serve(load=loader))
    stored = pool_of(client)
    encoder = adapted_encoder(2)
    for name in ("somebody/else", "/etc", f"{stored.key}/../{stored.key}/2"):
        identity = encoder.identity
        version = stored.add_version(
            encoder=name, fingerprint=identity.fingerprint, dim=identity.dim, looks_at_domains=True, lineage={}
        )
        switch(stored, version, encoder)
        body = {"query": {"image": data_uri(99)}, "strategy": "invariant_select"}
        check_problem(client.post("/v1/pools/p/select", json=body), 404, "encoder_not_found")
        by_id = {"query": {"id": "d0/l0/0.png"}, "strategy": "invariant_select"}
        assert client.post("/v1/pools/p/select", json=by_id).status_code == 200  # which needs no encoder
    assert loader.loaded == []
