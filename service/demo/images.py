"""The demo's images: ``pool-folder/<domain>/<class>/`` to ingest, ``queries/<domain>/<class>/`` to ask for."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from invariantselect.errors import DatasetUnsupportedError
from service.demo.domains import DOMAINS, HELD_OUT, enlarge

__all__ = ["DEFAULT_RECIPE", "DemoImages", "Recipe", "build_images"]

CLASSES = 10


@dataclass(frozen=True)
class Recipe:
    """How many images are made; the same recipe makes the same bytes.

    Attributes:
        pool_scans: Scans of each class in each domain of the pool, which has nothing of the one that is held out; no
            scan is used twice.
        query_scans: Scans of each class among the queries; every domain shows the same ones, so that its row of the
            accuracy table differs by the domain alone. None of them is in the pool.
        version: Of the pictures' making; a new one rebuilds what an older demo left behind.
    """

    pool_scans: int = 30
    query_scans: int = 12
    version: int = 2


@dataclass(frozen=True)
class DemoImages:
    """Where the images are."""

    pool: Path
    queries: Path

    def queries_of(self, domain: str) -> list[tuple[Path, str]]:
        """Image and true label of each query of a domain, in a fixed order."""
        return [(path, path.parent.name) for path in sorted((self.queries / domain).glob("*/*.png"))]


DEFAULT_RECIPE = Recipe()


def build_images(out: Path, recipe: Recipe = DEFAULT_RECIPE) -> DemoImages:
    """Write the images under `out`, unless this recipe's are there already.

    Raises:
        DatasetUnsupportedError: scikit-learn, whose images these are, is not installed.
    """
    images = DemoImages(out / "pool-folder", out / "queries")
    done = out / "images.json"  # written last: it is there only when every image is
    if done.exists() and json.loads(done.read_text(encoding="utf-8")) == asdict(recipe):
        return images
    for folder in (images.pool, images.queries):
        shutil.rmtree(folder, ignore_errors=True)
    _write(images, recipe)
    done.write_text(json.dumps(asdict(recipe)) + "\n", encoding="utf-8")
    return images


def _write(images: DemoImages, recipe: Recipe) -> None:
    scans, labels, photographs = _load()
    for label in range(CLASSES):
        of_class = np.flatnonzero(labels == label)
        asked, rest = of_class[: recipe.query_scans], of_class[recipe.query_scans :]
        for place, (domain, make) in enumerate(DOMAINS.items()):
            mine = rest[place * recipe.pool_scans : (place + 1) * recipe.pool_scans]
            for root, chosen in ((images.pool, mine[: 0 if domain == HELD_OUT else None]), (images.queries, asked)):
                folder = root / domain / str(label)
                for scan in chosen:
                    folder.mkdir(parents=True, exist_ok=True)
                    picture = make(
                        enlarge(scans[scan]), photographs, np.random.default_rng([recipe.version, place, scan])
                    )
                    levels = np.rint(picture * 255).astype(np.uint8)
                    Image.fromarray(levels).save(folder / f"scan-{scan:04d}.png")


def _load() -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """(1797, 8, 8) scans with values 0–16, (1797,) labels, and two colour photographs."""
    try:
        from sklearn.datasets import load_digits, load_sample_images
    except ImportError as missing:
        raise DatasetUnsupportedError(
            "the demo's images come with scikit-learn, which is not installed",
            hint="Install it: pip install 'invariantselect-server[demo]'.",
        ) from missing
    digits = load_digits()
    return digits.images, digits.target, list(load_sample_images().images)
