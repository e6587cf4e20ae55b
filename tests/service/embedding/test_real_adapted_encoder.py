"""The real encoder, really adapted: saved in the store, loaded by the name that the pool gives it, and served."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from encoders.calibration.calibration import Calibration
from encoders.calibration.discriminant import fit_closed_form
from encoders.catalog import load_encoder
from encoders.decode import DecodeLimits, decode
from encoders.lineage import Lineage, Parent
from encoders.store import save_adapted
from encoders.tower import BaseTrunk
from index.encoder_version import EncoderVersion
from index.pool import Pool
from index.recoding import recode_by
from service.app import create_app
from service.settings import Settings
from tests.service.adapted_pool import pool_of
from tests.service.conftest import fill
from tests.service.pictures import data_uri, png

NAME = "efficientnet-lite0"


def adapt(pool: Pool, store: Path) -> tuple[EncoderVersion, Calibration]:
    """Fit the closed form on the pool's own vectors, save it and let it serve."""
    snapshot = pool.snapshot()
    positions = np.flatnonzero(snapshot.alive)
    calibration = fit_closed_form(
        snapshot.vectors(positions),
        snapshot.labels.codes[positions].astype(np.int64),
        snapshot.domains.codes[positions].astype(np.int64),
        list(snapshot.domains.values),
    )
    number = pool.reserve_number()
    name = f"{pool.key}/{number}"
    parent = Parent(NAME, "1", pool.fingerprint)
    lineage = Lineage(parent, pool.key, snapshot.version, "closed_form", None, {}, {}, "0", datetime.now(UTC))
    trunk = BaseTrunk(NAME, pool.fingerprint, pool.dim)
    save_adapted(store / name, name=name, version=str(number), trunk=trunk, calibration=calibration, lineage=lineage)
    encoder = load_encoder(name, store=store, device="cpu")
    version = pool.add_version(
        encoder=name,
        fingerprint=encoder.identity.fingerprint,
        dim=encoder.identity.dim,
        looks_at_domains=calibration.looks_at_domains,
        lineage=lineage.to_json(),
        number=number,
    )
    pool.switch(number, recode_by(encoder, pool.fingerprint, DecodeLimits()))
    return version, calibration


def test_an_adapted_encoder_of_the_store_answers_by_brute_force(tmp_path: Path, encoder_store: Path) -> None:
    encoder_store.mkdir(exist_ok=True)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "encoders").symlink_to(encoder_store)  # whichever test comes first exports the encoder
    app = create_app(Settings(data=tmp_path / "data", encoder=NAME, device="cpu"))
    with TestClient(app, base_url="http://localhost") as client:
        pool = pool_of(fill(client))
        version, calibration = adapt(pool, encoder_store)
        body = {
            "query": {"image": data_uri(99), "domain": "d1"},
            "strategies": ["topk_nearest", "invariant_select"],
            "k": 9,
        }
        answer = client.post("/v1/pools/p/select", json=body).json()["selections"]["invariant_select"]
        [query] = load_encoder(NAME, store=encoder_store, device="cpu").encode([decode(png(99))])
        snapshot = pool.snapshot()
        positions = np.flatnonzero(snapshot.alive)
        domains = [snapshot.domains.value(position) for position in positions.tolist()]
        stored = calibration.apply(snapshot.vectors(positions), domains)
        scores = stored @ calibration.apply(query[None], ["d1"])[0]
        best = np.argsort(-scores)[:9][::-1]
        assert [each["id"] for each in answer["demonstrations"]] == list(snapshot.ids[positions[best]])
        np.testing.assert_allclose([each["score"] for each in answer["demonstrations"]], scores[best], atol=1e-5)
        assert (answer["encoder"], answer["fingerprint"]) == (version.encoder, version.fingerprint)
        shown = client.get("/v1/pools/p").json()
        assert shown["encoder_versions"][1]["lineage"]["parent"]["fingerprint"] == shown["fingerprint"]
