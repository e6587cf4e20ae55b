"""Commands that change something leave a row in the log of writes, as requests do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

    from service.access.audit import AuditRecord
    from service.settings import Settings

__all__ = ["audited"]

_INTERRUPTED = "interrupted"


@contextmanager
def audited(
    settings: Settings, action: str, pool: str | None = None, *, make: bool = False, **subject: JsonValue
) -> Iterator[AuditRecord]:
    """Write down that the block is begun, and at its end what came of it. What it was asked for can be told meanwhile.

    Args:
        settings: Of the data directory.
        action: What the block does, by the name that a request of the kind has.
        pool: Which pool it changes.
        make: Whether a missing data directory is made.
        subject: What else is known of it.

    Raises:
        PoolNotFoundError: There is no data directory and `make` is false.
        CatalogUnavailableError: It can't be written down: then nothing is done.
    """
    from invariantselect.errors import InternalError, InvariantSelectError
    from service.access.audit import AuditRecord
    from service.cli.workplace import need_data, open_own_tables

    if not make:
        need_data(settings)
    with closing(open_own_tables(settings)) as store:
        record = AuditRecord.begin(store, "cli", action, pool=pool, subject=subject)
        try:
            yield record
        except InvariantSelectError as error:
            record.finish(error.code)
            raise
        except KeyboardInterrupt:
            record.finish(_INTERRUPTED)
            raise
        except Exception:
            record.finish(InternalError.code)
            raise
        record.finish("done")
