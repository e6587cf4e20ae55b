"""What a database says when something is wrong, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, OperationalError, SQLAlchemyError

from invariantselect.errors import CatalogUnavailableError, InvalidRequestError, StoreCorruptError

__all__ = ["reason_of", "translated"]


@contextmanager
def translated(*, remote: bool) -> Iterator[None]:
    """Turn the database's failures into ours. A broken constraint passes: the caller knows what it means.

    Args:
        remote: Whether the database is a server, whose messages name hosts and users: then only their kind is told.

    Raises:
        CatalogUnavailableError: The database doesn't answer, is locked for too long, or its disk is full.
        InvalidRequestError: It can't hold what it was given, such as a text with a zero byte.
        StoreCorruptError: The file is not a database, or a damaged one.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DataError as error:
        raise InvalidRequestError("the catalog can't hold one of the values") from error
    except DatabaseError as error:
        if remote or isinstance(error, OperationalError) or not _says_damaged(error):
            raise _unavailable(error, remote) from error
        raise StoreCorruptError(
            f"the catalog is damaged: {error.orig}", hint="Restore catalog.sqlite3 from a backup."
        ) from error
    except SQLAlchemyError as error:
        raise _unavailable(error, remote) from error


def reason_of(error: BaseException) -> str:
    """What the driver said, in one line; for the operator, as it may name hosts and users."""
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _says_damaged(error: DatabaseError) -> bool:
    return "malformed" in str(error.orig) or "not a database" in str(error.orig)


def _unavailable(error: SQLAlchemyError, remote: bool) -> CatalogUnavailableError:
    told = type(getattr(error, "orig", None) or error).__name__ if remote else reason_of(error)
    return CatalogUnavailableError(f"the catalog doesn't answer: {told}")
