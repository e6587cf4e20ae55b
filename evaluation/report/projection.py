"""Vectors of many dimensions in two, so that images that are alike lie together.

Fifty principal components, then t-SNE on those: van der Maaten and Hinton, Visualizing Data using t-SNE, 2008,
https://www.jmlr.org/papers/v9/vandermaaten08a.html; begun with the first two components, so that what is far apart
stays so: Kobak and Berens, The art of using t-SNE for single-cell transcriptomics, 2019,
https://doi.org/10.1038/s41467-019-13056-x. Without scikit-learn it is the first two components alone.
"""

from __future__ import annotations

import importlib.util

import numpy as np
from jaxtyping import Float32

__all__ = ["principal_components", "projected", "projection_method"]

_COMPONENTS = 50
_PERPLEXITY = 30.0
_STEPS = 500  # half of the usual: of 2,000 images nothing moves any more that an eye would see
_FEWEST = 10  # of fewer images a neighbourhood says nothing


def projection_method(images: int) -> str:
    """How `projected` finds the places of so many images, in words."""
    return "t-SNE of 50 principal components" if _tsne_is_there(images) else "the first two principal components"


def projected(vectors: Float32[np.ndarray, "images dim"], *, seed: int) -> Float32[np.ndarray, "images 2"]:
    """Where each image lies in two dimensions; the same each time for the same seed.

    Args:
        vectors: (images, dim), at least one.
        seed: Of t-SNE.
    """
    components = principal_components(vectors, _COMPONENTS)
    flat = np.zeros((len(vectors), 2), dtype=np.float32)  # a space of one dimension is what two classes leave
    flat[:, : components.shape[1]] = components[:, :2]
    if not _tsne_is_there(len(vectors)):
        return flat
    from sklearn.manifold import TSNE

    spread = float(components[:, 0].std()) or 1.0
    places: Float32[np.ndarray, "images 2"] = TSNE(
        perplexity=min(_PERPLEXITY, (len(vectors) - 1) / 3),
        init=flat / spread * 1e-4,
        max_iter=_STEPS,
        random_state=seed,
        n_jobs=1,
    ).fit_transform(components)
    return places.astype(np.float32)


def principal_components(
    vectors: Float32[np.ndarray, "images dim"], most: int
) -> Float32[np.ndarray, "images components"]:
    """The images' places along the directions in which they differ most, the first direction first.

    A direction has no sign of its own: each is turned so that the image farthest out lies on its positive side.

    Args:
        vectors: (images, dim), at least one.
        most: How many directions; there are as many as images or dimensions, if those are fewer.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    places = left[:, :most] * lengths[:most]
    farthest = np.abs(places).argmax(axis=0)
    signs = np.where(places[farthest, np.arange(places.shape[1])] < 0, -1.0, 1.0)
    turned: Float32[np.ndarray, "images components"] = (places * signs).astype(np.float32)
    return turned


def _tsne_is_there(images: int) -> bool:
    return images >= _FEWEST and importlib.util.find_spec("sklearn") is not None
