"""The service answers what its own OpenAPI document allows, and what it does not, as documented and without a 500."""

from __future__ import annotations

import tempfile
from pathlib import Path

import hypothesis
import schemathesis
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.app import create_app
from service.settings import Settings
from tests.service.conftest import load_pixel_encoder

_DATA = tempfile.TemporaryDirectory(prefix="invariantselect-fuzz-")
_SETTINGS = Settings(data=Path(_DATA.name), encoder="pixel-16-0", workers=2)
schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(_SETTINGS, load_encoder=load_pixel_encoder))


@schema.parametrize()
@hypothesis.settings(max_examples=25, derandomize=True, deadline=None)
def test_any_request_is_answered_as_documented(case: Case) -> None:
    case.call_and_validate(
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ]
    )
