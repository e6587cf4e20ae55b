"""The vectors of a space, made anew from the images of its demonstrations, or from the vectors of version 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64

from index.blobs.blobs import Blobs
from index.catalog.demonstration_rows import RowImage, images_by_row
from index.catalog.engine import Catalog
from index.columns import find_rows
from index.recoding import Recode, RowsToEncode, recoded
from index.snapshot import Snapshot
from index.space import Space
from index.tail import Part
from invariantselect.errors import ImageNotFoundError, StoreCorruptError

__all__ = ["RebuiltVectors"]

_IMAGES_AT_ONCE = 64


@dataclass(frozen=True, eq=False)
class RebuiltVectors:
    """What encoding a space anew needs.

    Attributes:
        catalog: Where the pool is kept.
        blobs: Where its images are.
        space: Whose vectors.
        recode: Encodes by the encoder version.
        frozen: Gives the present snapshot of version 1.
    """

    catalog: Catalog
    blobs: Blobs
    space: Space
    recode: Recode
    frozen: Callable[[], Snapshot]

    def parts(self, images: Sequence[RowImage]) -> Iterator[Part]:
        """Rows and vectors of demonstrations, ascending, without those that are deleted meanwhile.

        Raises:
            StoreCorruptError: An image, or a vector of version 1 that is needed, is lost or was altered.
            InvalidVectorError: `recode` returned something else than (n, dim) finite numbers.
        """
        for start in range(0, len(images), _IMAGES_AT_ONCE):
            some = list(images[start : start + _IMAGES_AT_ONCE])
            while some:
                given = self._given(some)
                try:
                    vectors = recoded(self.recode, given, self.space.dim)
                except ImageNotFoundError as error:
                    living = self._living()
                    kept = [image for image in some if (image.row, image.sha256) in living]
                    if len(kept) == len(some):  # none was deleted since the rebuild began
                        raise StoreCorruptError(f"an image is lost: {error.detail}", hint=error.hint) from error
                    some = kept
                else:
                    yield given.rows, vectors
                    break

    def _given(self, images: Sequence[RowImage]) -> RowsToEncode:
        rows: Int64[np.ndarray, " n"] = np.array([image.row for image in images], dtype=np.int64)

        def vectors(offsets: Int64[np.ndarray, " m"]) -> Float32[np.ndarray, "m dim"]:
            snapshot = self.frozen()
            seats = find_rows(snapshot.rows, rows[offsets])
            if (seats < 0).any():
                raise ImageNotFoundError(f"row {rows[offsets][seats < 0][0]} has no vector of version 1")
            return snapshot.vectors(seats)

        return RowsToEncode(
            rows,
            [image.domain for image in images],
            vectors=vectors,
            images=lambda offsets: self.blobs.get_all([images[offset].sha256 for offset in offsets.tolist()]),
        )

    def _living(self) -> set[tuple[int, str]]:
        with self.catalog.reading() as connection:
            return {(image.row, image.sha256) for image in images_by_row(connection, self.space.key)}
