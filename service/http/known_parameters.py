"""A query parameter that a route doesn't know is refused: a misspelt filter would otherwise answer with everything."""

from __future__ import annotations

from fastapi import Request

from service.http.problems import invalid_request

__all__ = ["refuse_unknown_parameters"]


async def refuse_unknown_parameters(request: Request) -> None:
    """Check the names in a request's query string against the OpenAPI document; routes outside `/v1` take any.

    Raises:
        InvalidRequestError: One that the route doesn't have, with those that it has.
    """
    route = request.scope["route"].path
    if not request.query_params or not route.startswith("/v1/"):
        return
    path = request.app.openapi()["paths"][request.scope["route"].path_format]
    declared = path[request.method.lower()].get("parameters", [])
    known = [parameter["name"] for parameter in declared if parameter["in"] == "query"]
    takes = f"this route takes {', '.join(known)}" if known else "this route takes none"
    unknown = [name for name in request.query_params if name not in known]
    if unknown:
        raise invalid_request([{"loc": [name[:64]], "msg": f"unknown parameter; {takes}"} for name in unknown])
