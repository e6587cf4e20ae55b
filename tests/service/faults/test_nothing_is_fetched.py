"""No address that a request names is ever asked: not by its image, not by a manifest, not by an image's own content."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from index.sources.opening import open_source
from index.sources.record import Record
from invariantselect.errors import InvariantSelectError
from tests.encoders.hostile import corpus
from tests.service.conftest import Serve
from tests.service.pictures import data_uri


class Trap:
    """A port of loopback that counts who knocks."""

    def __init__(self) -> None:
        self.knocks = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.knocks += 1
            connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def trap() -> Iterator[Trap]:
    trap = Trap()
    yield trap
    trap.close()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that somebody wanted the address of: a look-up alone would tell who owns the name that it was used."""
    names: list[str] = []
    real = socket.getaddrinfo

    def note(host: object, *rest: object, **more: object) -> object:
        names.append(str(host))
        return real(host, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", note)
    return names


def addresses(port: int) -> list[str]:
    here = f"127.0.0.1:{port}"
    return [
        f"http://{here}/x.png",
        f"HTTP://{here}/x.png",
        f"https://{here}/x.png",
        f" http://{here}/x.png",
        f"http://user:secret@{here}/x.png",
        f"http://2130706433:{port}/x.png",
        f"http://[::ffff:127.0.0.1]:{port}/x.png",
        f"http://localtest.me:{port}/x.png",
        f"http://rebound.invalid:{port}/x.png",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fe80::1]/x.png",
        f"//{here}/x.png",
        f"ftp://{here}/x.png",
        f"gopher://{here}/x",
        f"s3://{here}/x.png",
        "file:///etc/passwd",
        "/etc/passwd",
        "..%2f..%2fetc/passwd",
        f"data:text/html,<img src=http://{here}/x.png>",
        f"data:image/svg+xml;base64,http://{here}/",
        f"data:http://{here}/;base64,AAAA",
        f"jar:http://{here}!/x.png",
    ]


def test_no_request_makes_the_server_ask_anybody(serve: Serve, trap: Trap, looked_up: list[str]) -> None:
    client = serve()
    client.post("/v1/pools", json={"name": "p"})
    sound = {"id": "sound", "image": data_uri(1), "label": "x"}
    looked_up.clear()
    for address in addresses(trap.port):
        refused = client.post(
            "/v1/pools/p/demonstrations:upsert",
            json={"demonstrations": [{"id": "x", "image": address, "label": "x"}, sound]},
        ).json()["outcomes"]
        assert [each["status"] for each in refused] in (["failed", "created"], ["failed", "unchanged"]), address
        assert refused[0]["error"]["code"] in ("request_malformed", "image_format_unsupported"), address
        for path, body in {
            "/v1/pools/p/select": {"query": {"image": address}},
            "/v1/embeddings": {"model": "pixel-16-0", "input": address},
        }.items():
            answer = client.post(path, json=body)
            assert 400 <= answer.status_code < 500, (path, address, answer.text)
            assert answer.json()["code"] in ("request_malformed", "image_format_unsupported"), (path, address)
        _ask_by_name(client, address)
    svg = corpus()["svg"].replace(b"127.0.0.1:1", f"127.0.0.1:{trap.port}".encode())
    assert client.post("/v1/pools/p/select", content=svg, headers={"content-type": "image/svg+xml"}).status_code == 415
    assert trap.knocks == 0
    assert [name for name in looked_up if name not in ("localhost", "127.0.0.1")] == []


def _ask_by_name(client: TestClient, address: str) -> None:
    """Where a request names an encoder or a folder, an address is no such name."""
    pool = client.post("/v1/pools", json={"name": "another", "encoder": address})
    assert (pool.status_code, pool.json()["code"]) == (404, "encoder_not_found")
    imported = client.post("/v1/pools/p/import", json={"source": address})
    assert imported.status_code in (403, 422), address


def test_no_manifest_makes_an_intake_ask_anybody(tmp_path: Path, trap: Trap, looked_up: list[str]) -> None:
    lines = [json.dumps({"image": address, "label": "x"}) for address in addresses(trap.port)]
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    looked_up.clear()
    items = list(open_source(tmp_path / "m.jsonl"))
    assert len(items) == len(lines)
    for item in items:
        if isinstance(item, Record):
            with pytest.raises(InvariantSelectError):
                item.read()
    assert trap.knocks == 0
    assert looked_up == []
