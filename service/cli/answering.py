"""A selection made here, without a server: the query is read, embedded by the pool's encoder and answered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from encoders.decode import DecodeLimits, decode
from index.sources.record import readable
from invariantselect.errors import ImageNotFoundError, InvariantSelectError
from invariantselect.wire import Comparison, Selection
from service.cli.workplace import decode_limits, load_encoder
from service.embedding.embedder import Embedder
from service.embedding.encoder_shelf import check_fingerprint
from service.page import QueryView, Thumbnail, make_thumbnail, render_comparison, render_selection
from service.selecting.given_query import GivenQuery

if TYPE_CHECKING:
    from index.encoder_version import EncoderVersion
    from index.pool import Pool
    from invariantselect.wire import SelectionOptions
    from service.settings import Settings

__all__ = ["Question", "page_of", "pool_embedder", "read_question"]

_STORED = "id:"


@dataclass(frozen=True)
class Question:
    """A query as it was typed.

    Attributes:
        name: The file's name or the demonstration's id.
        given: What `service.selecting.selections` makes a selection for.
    """

    name: str
    given: GivenQuery


def read_question(image: str, *, group: str | None, domain: str | None, limits: DecodeLimits) -> Question:
    """The query that IMAGE stands for: ``id:<id>``, or a file of at most the bytes that `limits` allow.

    Raises:
        ImageNotFoundError: There is no such file, or it can't be read.
    """
    if image.startswith(_STORED):
        id = image.removeprefix(_STORED)
        return Question(id, GivenQuery(id=id))
    try:
        with Path(image).open("rb") as file:
            content = file.read(limits.max_bytes + 1)  # one more than allowed is enough to be refused as too large
    except OSError as error:
        raise ImageNotFoundError(
            f"{image} can't be read: {error.strerror}",
            hint="Give an image file, or id:<id> for a demonstration of the pool.",
        ) from error
    return Question(readable(Path(image).name), GivenQuery(image=content, group=group, domain=domain))


def pool_embedder(settings: Settings, pool: Pool, version: EncoderVersion | None = None) -> Embedder:
    """What embeds query images for a pool.

    Args:
        settings: Of the data directory.
        pool: The pool.
        version: By which of its encoder versions; None for the encoder that it was made with.

    Raises:
        EncoderUnavailableError: The encoder can't be loaded.
        FingerprintMismatchError: It has changed since the pool or the version was made.
    """
    of = pool if version is None else version
    encoder = load_encoder(settings, of.encoder)
    check_fingerprint(of.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {of.encoder}")
    return Embedder(encoder, decode_limits(settings))


def page_of(
    pool: Pool,
    question: Question,
    answer: Selection | Comparison,
    options: SelectionOptions,
    limits: DecodeLimits,
    *,
    label: str | None = None,
) -> str:
    """The page of a selection or a comparison, with the pictures of the query and the demonstrations.

    Args:
        pool: Where the demonstrations come from.
        question: What they were chosen for.
        answer: The demonstrations.
        options: How they were chosen.
        limits: How large an image may be.
        label: The true label of the query, where it is known; that of a stored demonstration is.
    """
    given = question.given
    stored = None if given.id is None else pool.get([given.id])[0]
    image = given.image if given.id is None else pool.image(given.id).content
    view = QueryView(
        question.name,
        None if image is None else make_thumbnail(decode(image, limits)),
        label if stored is None else stored.label,
        given.domain if stored is None else stored.domain,
        given.group if stored is None else stored.group,
    )
    selections = [answer] if isinstance(answer, Selection) else list(answer.selections.values())
    ids = dict.fromkeys(chosen.id for selection in selections for chosen in selection.demonstrations)
    made = {id: thumbnail for id in ids if (thumbnail := _thumbnail(pool, id, limits)) is not None}
    if isinstance(answer, Selection):
        return render_selection(answer, options, view, made)
    return render_comparison(answer, options, view, made)


def _thumbnail(pool: Pool, id: str, limits: DecodeLimits) -> Thumbnail | None:
    try:
        return make_thumbnail(decode(pool.image(id).content, limits))
    except InvariantSelectError:  # lost or damaged since; the page shows a placeholder, `doctor` says what is wrong
        return None
