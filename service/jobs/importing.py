"""Import: labelled images that lie on the server, taken into a pool as ``invariantselect ingest`` takes them."""

from __future__ import annotations

from typing import Any

from encoders.encoder import Encoder
from index.intake import IntakeReport, take_in
from index.pool import Pool
from index.sources.export import ExportSource
from index.sources.opening import open_source
from index.sources.record import Source
from invariantselect.errors import FingerprintMismatchError, PoolExistsError, PoolNotFoundError
from invariantselect.wire.jobs import ImportRequest
from service.embedding.encoder_shelf import check_fingerprint
from service.jobs.context import JobContext
from service.jobs.import_root import below_import_root
from service.jobs.kind import JobKind

__all__ = ["IMPORT"]

_MOST_FAILURES = 100  # told by name


def _import(context: JobContext, request: ImportRequest) -> dict[str, Any]:
    services = context.services
    limits = services.image_limits
    path = below_import_root(services.settings.import_root, request.source)
    context.progress("reading the source")
    source = open_source(path, limits=limits)
    context.progress("loading the encoder")
    pool = _pool(context, request.encoder, source)

    def encoders() -> list[Encoder]:
        return [embedder.encoder for embedder in services.pool_embedders(pool)]

    def show(done: int, total: int | None, failed: int, encoded: int) -> None:
        context.check()
        context.progress("taking in", done, total, failed=failed, encoded=encoded)

    # What is in the pool just so is passed over: an attempt goes on where the one before it ended.
    return _told(take_in(pool, encoders(), source, limits=limits, progress=show, reload=encoders))


def _pool(context: JobContext, wanted: str | None, source: Source) -> Pool:
    """The pool, made if it is new, with an encoder that the settings allow."""
    services, name = context.services, context.pool
    if name is None or not context.may_make_pool:
        pool = context.open_pool()
    else:
        try:
            pool = services.pools.open(name)
        except PoolNotFoundError:
            of_export = source.header.encoder if isinstance(source, ExportSource) else None
            try:
                return _new_pool(context, name, wanted or of_export or services.settings.encoder)
            except PoolExistsError:  # made by somebody else in between
                pool = services.pools.open(name)
    encoder = services.encoders.get(wanted or pool.encoder)
    if wanted is not None and encoder.identity.fingerprint != pool.fingerprint:
        raise FingerprintMismatchError(
            f"the pool {pool.name} is searched with {pool.encoder}, not with {wanted}",
            hint="Leave encoder out, or import into a new pool.",
        )
    check_fingerprint(pool.fingerprint, encoder.identity.fingerprint, whose=f"the encoder {pool.encoder}")
    return pool


def _new_pool(context: JobContext, name: str, encoder: str) -> Pool:
    identity = context.services.encoders.get(encoder).identity
    pool = context.services.pools.create(
        name,
        identity.name,
        identity.fingerprint,
        identity.dim,
        looks_at_domains=identity.trunk != identity.fingerprint,
    )
    context.has_made(pool)
    return pool


def _told(report: IntakeReport) -> dict[str, Any]:
    return {
        "created": report.created,
        "replaced": report.replaced,
        "updated": report.updated,
        "unchanged": report.unchanged,
        "encoded": report.encoded,
        "ignored": len(report.ignored),
        "failed": len(report.failed),
        "failures": [{"where": where, "error": error.to_problem()} for where, error in report.failed[:_MOST_FAILURES]],
    }


IMPORT = JobKind("import", ImportRequest, _import)
