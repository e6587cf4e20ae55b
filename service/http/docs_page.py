"""``/docs``: the routes, to be tried out in a browser."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse

__all__ = ["add_docs_page"]

_PLACE = '<div id="swagger-ui">'
_UNTIL_IT_IS_DRAWN = """
<p style="font-family: sans-serif; max-width: 40rem; margin: 3rem auto; line-height: 1.5">
This page is drawn by Swagger UI, which the browser fetches from cdn.jsdelivr.net. Where there is no way there,
<a href="{openapi}">openapi.json</a> has every route with its fields, and docs/rest.md of the project explains them.
</p>"""


def add_docs_page(app: FastAPI) -> None:
    """FastAPI's page, but for who is offline: it says why it is empty, and asks no third server for an icon."""

    async def page(request: Request) -> HTMLResponse:
        openapi = f"{request.scope.get('root_path', '').rstrip('/')}{app.openapi_url}"
        drawn = get_swagger_ui_html(openapi_url=openapi, title=app.title, swagger_favicon_url="data:,")
        html = bytes(drawn.body).decode()
        return HTMLResponse(html.replace(_PLACE, _PLACE + _UNTIL_IT_IS_DRAWN.format(openapi=openapi), 1))

    app.add_route("/docs", page, include_in_schema=False)
