"""Bodies as the OpenAPI document shows them. A test sends each of them."""

from __future__ import annotations

from typing import Any, Final

_PICTURE: Final = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAJklEQVR42mMUEBBgwAZY5OXlsUsoKipil1BQUKC1BOP79++xSgAA"
    "aiQFWF9q9BkAAAAASUVORK5CYII="
)

POOL_CREATE: Final[dict[str, Any]] = {
    "The server's default encoder": {"name": "skin"},
    "A named encoder": {"name": "pets", "encoder": "efficientnet-lite0"},
}
UPSERT: Final[dict[str, Any]] = {
    "One demonstration": {
        "demonstrations": [
            {
                "id": "photo/dog/1.png",
                "image": _PICTURE,
                "label": "dog",
                "domain": "photo",
                "group": "patient-17",
                "metadata": {"age": 54},
            }
        ]
    }
}
GET: Final[dict[str, Any]] = {"By id": {"ids": ["photo/dog/1.png"]}}
DELETE: Final[dict[str, Any]] = {"By id": {"ids": ["photo/dog/1.png"]}}
RELABEL: Final[dict[str, Any]] = {"New labels by id": {"labels": {"photo/dog/1.png": "wolf"}}}
PATCH: Final[dict[str, Any]] = {
    "Another label, and no group": {"label": "wolf", "group": None},
    "Other metadata": {"metadata": {"age": 55, "reviewed": True}},
}
SELECT: Final[dict[str, Any]] = {
    "By image": {"query": {"image": _PICTURE}, "k": 7, "label_balance": "even"},
    "By stored id, from other domains": {
        "query": {"id": "photo/dog/1.png"},
        "k": 3,
        "where": {"domain": {"not": "photo"}},
        "exclude": {"own_group": True},
    },
    "By two strategies, side by side": {
        "query": {"image": _PICTURE, "domain": "sketch"},
        "strategies": ["topk_nearest", "invariant_select"],
        "k": 7,
    },
    "Varied": {
        "query": {"image": _PICTURE},
        "k": 5,
        "diversity": {"method": "mmr", "lambda": 0.5},
        "order": "interleaved",
    },
}
SELECT_BATCH: Final[dict[str, Any]] = {
    "An image and a stored demonstration": {"queries": [{"image": _PICTURE}, {"id": "photo/dog/1.png"}], "k": 3},
    "Images of a domain that the pool lacks": {
        "queries": [{"image": _PICTURE, "domain": "a new scanner"}],
        "strategy": "invariant_select",
        "centre_queries": "by_domain",
    },
}
EMBEDDINGS: Final[dict[str, Any]] = {
    "One image": {"input": _PICTURE},
    "Several, packed": {"input": [_PICTURE, _PICTURE], "encoding_format": "base64"},
}
IMPORT: Final[dict[str, Any]] = {
    "A manifest": {"source": "2024/lesions.csv"},
    "A folder, into a new pool with an encoder of its own": {"source": "scans", "encoder": "efficientnet-lite0"},
}
REBUILD: Final[dict[str, Any]] = {
    "All images encoded, for exact search": {},
    "An approximate index for the vectors that there are": {"recall": 0.95, "keep_vectors": True},
}
ADAPT: Final[dict[str, Any]] = {
    "All that fits into ten minutes": {},
    "In closed form, which takes seconds": {"depth": "closed_form"},
    "Fine-tuned for an hour": {
        "depth": "finetune",
        "objective": "cci",
        "options": {"temperature": 0.07},
        "budget_seconds": 3600,
        "blocks": 12,
    },
}
EVALUATE: Final[dict[str, Any]] = {
    "Each domain left out, demonstrations vote": {},
    "Patients apart, two learners, an encoder trained for each fold": {
        "protocol": "k-fold",
        "folds": 5,
        "learners": ["vote", "probe"],
        "shots": [0, 1, 7],
        "depth": "auto",
        "budget_seconds": 600,
    },
    "One domain, 100 of its images": {"targets": ["sketch"], "queries": 100, "centre_queries": True},
}
ROLLBACK: Final[dict[str, Any]] = {
    "To the encoder that the pool was made with": {"to": 1},
    "To the version before": {},
}
