"""The service fuzzed from its own OpenAPI document, over real HTTP, the same way on every run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.access.keys import create_key
from service.app import create_app
from service.settings import Settings
from service.store import open_store
from tests.service.adapted_pool import adapt_pool
from tests.service.conftest import fill, load_pixel_encoder
from tests.service.live_server import live

PATHS = create_app(Settings(data=Path("never-opened"))).openapi()["paths"]
CASES = [
    (method.upper(), path, mode)
    for path, item in PATHS.items()
    for method, operation in item.items()
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or operation.get("parameters") or operation.get("requestBody")
]
# What JSON Schema can't say: a string that is an image, exactly one of three fields, parts that belong together,
# what a key of an object looks like, options that hang on another field.
CHECKED_BEYOND_SCHEMA = {
    "/v1/audit",
    "/v1/embeddings",
    "/v1/jobs",
    "/v1/pools",
    "/v1/pools/{pool}/adapt",
    "/v1/pools/{pool}/evaluate",
    "/v1/pools/{pool}/demonstrations",
    "/v1/pools/{pool}/demonstrations/{id}",
    "/v1/pools/{pool}/demonstrations:relabel",
    "/v1/pools/{pool}/demonstrations:upload",
    "/v1/pools/{pool}/select",
    "/v1/pools/{pool}/select:batch",
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[BaseSchema, dict[str, str]]]:
    """The document of a running server that holds a pool, and the headers of somebody who may do everything."""
    data = tmp_path_factory.mktemp("fuzzed")
    store = open_store(data)
    headers = {"Authorization": f"Bearer {create_key(store, 'admin').secret}"}
    store.close()
    app = create_app(Settings(data=data, auth="on", encoder="pixel-16-0"), load_encoder=load_pixel_encoder)
    with live(app) as url:
        with httpx2.Client(base_url=url, headers=headers) as http:
            fill(http)  # type: ignore[arg-type]
        adapt_pool(app.state.services.pools.open("p"))
        yield schemathesis.openapi.from_url(f"{url}/openapi.json"), headers


@pytest.mark.parametrize(("method", "path", "mode"), CASES, ids=lambda part: getattr(part, "value", part))
def test_no_request_breaks_the_server_or_its_own_description(
    loaded: tuple[BaseSchema, dict[str, str]], method: str, path: str, mode: GenerationMode
) -> None:
    schema, headers = loaded
    operation = schema[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=12,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )
    def fuzz(case: Any) -> None:
        assert isinstance(case, Case)
        if "pool" in case.path_parameters and mode is GenerationMode.POSITIVE:
            case.path_parameters["pool"] = "p"
        if (method, path) == ("DELETE", "/v1/pools/{pool}"):
            case.path_parameters["pool"] = "another"
        skipped = [positive_data_acceptance] if path in CHECKED_BEYOND_SCHEMA else []
        case.call_and_validate(headers=headers, excluded_checks=skipped)

    fuzz()
