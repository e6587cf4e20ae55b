"""The job `adapt` on a pool whose encoder was rounded to int8: what lies behind the trunk is adapted, not the trunk."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from encoders.catalog import load_encoder
from encoders.decode import decode
from encoders.quantisation.making import quantise
from index.intake import take_in
from index.pools import Pools
from index.sources.opening import open_source
from invariantselect.wire.evaluation import EvaluateRequest
from tests.encoders.rounded import pictures
from tests.service.adaptable import POOL, Adaptable, vectors_of
from tests.service.shifted import draw_folder, save_tiny_encoder


def int8_pool(folder: Path) -> Path:
    """``folder/tiny``, an int8 encoder, and ``folder/data`` with a pool of 36 images; the data directory."""
    float32 = save_tiny_encoder(folder / "float32")
    quantise(float32, pictures(16), folder / "tiny", store=folder / "store", k=3)
    encoder = load_encoder(str((folder / "tiny").resolve()))
    with Pools(folder / "data") as pools:
        pool = pools.create(POOL, encoder.identity.name, encoder.identity.fingerprint, encoder.identity.dim)
        assert take_in(pool, [encoder], open_source(draw_folder(folder / "images"))).failed == []
    return folder / "data"


def test_closed_forms_and_heads_compete_and_the_log_says_what_doesn_t(tmp_path: Path, short_trainings: None) -> None:
    adaptable = Adaptable(int8_pool(tmp_path), tmp_path / "copy", runtime="auto")
    try:
        id = adaptable.submit(depth="auto", force=True)
        result = adaptable.result(adaptable.run(id))
        assert result.switched
        assert not any("finetune" in each.name for each in result.contestants)
        assert "the pool's encoder was rounded to int8 and can't be trained: closed forms and heads alone" in (
            adaptable.log(id)
        )
        serving = adaptable.pool.serving()
        assert serving is not None
        encoder = load_encoder(serving.encoder, store=adaptable.data / "encoders")
        assert (encoder.identity.precision, encoder.identity.trunk) == ("int8", adaptable.pool.fingerprint)
        found = vectors_of(adaptable.pool.snapshot(serving.number))
        stored = adaptable.pool.get(list(found))
        images = [decode(adaptable.pool.image(each.id).content) for each in stored if each is not None]
        wanted = encoder.encode(images, [each.domain for each in stored if each is not None])
        np.testing.assert_array_equal(np.stack(list(found.values())), wanted)

        refused = adaptable.run(adaptable.submit(depth="finetune"))
        assert refused.error is not None
        assert refused.error["code"] == "encoder_unavailable"
        assert "could be trained" in refused.error["detail"]
    finally:
        adaptable.close()


def test_what_would_come_of_it_is_evaluated_likewise(tmp_path: Path, short_trainings: None) -> None:
    adaptable = Adaptable(int8_pool(tmp_path), tmp_path / "copy", runtime="auto")
    try:
        asked = EvaluateRequest(shots=[3], targets=["noon"], depth="auto")
        job = adaptable.run(adaptable.services.jobs.submit("evaluate", asked, pool=POOL, announce=False).id)
        assert job.state == "succeeded", job.error
        refused = asked.model_copy(update={"depth": "finetune"})
        job = adaptable.run(adaptable.services.jobs.submit("evaluate", refused, pool=POOL, announce=False).id)
        assert job.error is not None
        assert job.error["code"] == "encoder_unavailable"
    finally:
        adaptable.close()
