"""An intake with a progress bar on stderr: how far, how fast, how long still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from encoders.encoder import Encoder
from index.intake import IntakeReport, take_in
from index.sources import Source
from invariantselect.errors import FingerprintMismatchError, PoolNotFoundError
from service.cli.terminal import progress
from service.cli.workplace import decode_limits, live_encoders, load_encoder, open_pools

if TYPE_CHECKING:
    from index.pool import Pool
    from index.pools import Pools
    from service.settings import Settings

__all__ = ["LOADING", "intake_bar", "progress_bar", "take_in_with_progress"]

LOADING = "Loading the encoder (the first time takes half a minute)"


class ShowProgress(Protocol):
    """What `index.intake` and `index.transfer` tell their progress to."""

    def __call__(self, done: int, total: int | None, failed: int = 0, encoded: int = 0, /) -> None:
        """Move the bar."""


class _Rate(ProgressColumn):
    """Images a second, over the last half minute."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.0f} images/s" if task.speed else "")


def progress_bar() -> Progress:
    """A bar on stderr that leaves nothing behind; nothing at all where stderr is no terminal."""
    console = progress()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal, transient=True)


def take_in_with_progress(
    settings: Settings, source: Source, name: str, encoder: str | None, *, called: str
) -> IntakeReport:
    """Take a source into the pool with a name, made if it is new.

    Args:
        settings: Data directory, device, limits.
        source: Of `index.sources.open_source`; opened before, so that a refusal makes no pool.
        name: Of the pool.
        encoder: Of a new pool, that of the settings for None; of an old one it must be the one it has.
        called: Name of the source, for a person.

    Raises:
        FingerprintMismatchError: The pool is there with another encoder.
    """
    limits = decode_limits(settings)
    with open_pools(settings, make=True) as pools, intake_bar(f"Taking in {called}", LOADING) as show:
        pool, loaded = _pool_and_encoder(settings, pools, name, encoder)
        reload = partial(live_encoders, settings, pool, loaded)
        return take_in(pool, reload(), source, limits=limits, progress=show, reload=reload)


@contextmanager
def intake_bar(what: str, before: str | None = None) -> Iterator[ShowProgress]:
    """A progress bar, and what moves it.

    Args:
        what: Is being done.
        before: What is being done until the bar moves for the first time.
    """
    with progress_bar() as bar:
        task = bar.add_task(before or what, total=None)

        def show(done: int, total: int | None, failed: int = 0, _encoded: int = 0, /) -> None:
            bar.update(task, completed=done, total=total, description=f"{what}, {failed} failed" if failed else what)

        yield show


def _pool_and_encoder(settings: Settings, pools: Pools, name: str, encoder: str | None) -> tuple[Pool, Encoder]:
    try:
        pool = pools.open(name)
    except PoolNotFoundError:
        loaded = load_encoder(settings, encoder or settings.encoder)
        identity = loaded.identity
        adapted = identity.trunk != identity.fingerprint
        pool = pools.create(name, identity.name, identity.fingerprint, identity.dim, looks_at_domains=adapted)
        return pool, loaded
    loaded = load_encoder(settings, encoder or pool.encoder)
    if encoder is not None and loaded.identity.fingerprint != pool.fingerprint:
        raise FingerprintMismatchError(
            f"the pool {name} is searched with {pool.encoder}, not with {encoder}",
            hint="Leave --encoder out, or take the images into a new pool.",
        )
    return pool, loaded
