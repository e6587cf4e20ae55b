"""The processes that share one training: rank 0 leads it, the others lend it their devices."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from encoders.adaptation.launch import is_one_of_several
from encoders.runtime.device import resolve_device
from invariantselect.errors import InternalError

__all__ = ["ALONE", "Ranks", "joined"]

_TOGETHER = timedelta(minutes=10)  # for what all ranks do at once, within a step
_UNTIL_TOLD = timedelta(days=30)  # rank 0 decodes images, learns heads and validates between trainings
_LAST_WORDS = timedelta(seconds=10)
_FAILURE = "failure"


class Ranks:
    """One process's place among those that share a training.

    Words go through the store that `torchrun` keeps: whoever waits for them waits as long as it takes. Tensors go from
    device to device, between processes that are at the same place of the same step. Words are JSON: nothing that
    another process sends is unpickled.

    Args:
        rank: Of this process; 0 leads.
        world: How many there are.
        device: ``cpu`` or ``cuda:<number>``, of this process alone; None for one process, which runs where it is told.
        store: Where words are left; None for one process.
    """

    def __init__(self, rank: int = 0, world: int = 1, *, device: str | None = None, store: Store | None = None) -> None:
        self.rank, self.world, self.device = rank, world, device
        self._store = store
        self._words = 0

    @property
    def leads(self) -> bool:
        """Whether this is rank 0."""
        return self.rank == 0

    @property
    def several(self) -> bool:
        """Whether there are others."""
        return self.world > 1

    def tell(self, words: Mapping[str, Any]) -> None:
        """Leave words for all other ranks; from rank 0."""
        assert self._store is not None  # noqa: S101 -- there are others
        self._store.set(f"words/{self._words}", json.dumps(dict(words)))
        self._words += 1

    def hear(self, patience: timedelta = _UNTIL_TOLD) -> dict[str, Any]:
        """The next words of rank 0, which are waited for.

        Raises:
            RuntimeError: There were none in time, or the store is gone.
        """
        assert self._store is not None  # noqa: S101 -- there is a rank 0 beside this one
        key = f"words/{self._words}"
        self._store.wait([key], patience)
        self._words += 1
        words: dict[str, Any] = json.loads(self._store.get(key))
        return words

    def scatter(self, rows: torch.Tensor | None, mine: torch.Tensor) -> torch.Tensor:
        """Rank 0's rows, each rank its share of them.

        Args:
            rows: (world · share, …), on rank 0; None on the others.
            mine: (share, …) of the same kind, contiguous: is written into.

        Returns:
            ``mine``.

        Raises:
            InternalError: Another rank is gone.
        """
        shares = None if rows is None else [share.contiguous() for share in rows.chunk(self.world)]
        with self.together():
            dist.scatter(mine, shares)
        return mine

    def gather(self, mine: torch.Tensor) -> torch.Tensor | None:
        """The shares of all ranks, (world · share, …), on rank 0; None on the others.

        Args:
            mine: (share, …), contiguous.

        Raises:
            InternalError: Another rank is gone.
        """
        shares = [torch.empty_like(mine) for _ in range(self.world)] if self.leads else None
        with self.together():
            dist.gather(mine, shares)
        return None if shares is None else torch.cat(shares)

    def broadcast(self, tensor: torch.Tensor) -> torch.Tensor:
        """Rank 0's tensor, written into those of the others, which have its shape and are contiguous.

        Raises:
            InternalError: Another rank is gone.
        """
        with self.together():
            dist.broadcast(tensor, src=0)
        return tensor

    @contextmanager
    def together(self) -> Iterator[None]:
        """What all ranks do at once; it fails here when another one has ended.

        Raises:
            InternalError: So it was; with that rank's reason, where it could still be told.
        """
        try:
            yield
        except torch.OutOfMemoryError:  # of this process
            raise
        except RuntimeError as error:
            why = self._last_words() or f"it ended without a word: {error}"
            raise InternalError(
                f"Another process of this training has ended: {why}",
                hint="Its own output may say more. Retry the job, and it goes on from its last checkpoint.",
            ) from error

    def end(self, failure: BaseException | None) -> None:
        """Tell the others that this rank has ended, and how."""
        why = None if failure is None else f"{type(failure).__name__}: {failure}"
        with suppress(RuntimeError):  # the store ended first, and with it everybody
            if self.leads:
                self.tell({"do": "end", "failure": why})
            elif why is not None and self._store is not None:
                self._store.set(_FAILURE, f"rank {self.rank}: {why}")

    def _last_words(self) -> str | None:
        """Why another rank ended, if it said so."""
        assert self._store is not None  # noqa: S101 -- there are others
        with suppress(RuntimeError):
            if self.leads:
                return self._store.get(_FAILURE).decode() if self._store.check([_FAILURE]) else None
            while True:
                words = self.hear(_LAST_WORDS)
                if words["do"] == "end":
                    return f"rank 0: {words['failure']}"
        return None


ALONE = Ranks()


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """The processes that ``torchrun`` started together with this one; `ALONE` where it didn't start this one.

    They talk by NCCL on CUDA and by Gloo on the cpu. The others are told when this one ends, and whether it failed.

    Args:
        device: As `encoders.runtime.device.resolve_device` takes it, the same on all ranks. On CUDA each takes the
            device that has its number on its machine (``LOCAL_RANK``), whichever was named.

    Raises:
        EncoderUnavailableError: There is no such device, or there are more processes than devices.
    """
    if not is_one_of_several():
        yield ALONE
        return
    device = resolve_device(device)
    cuda = device.startswith("cuda")
    if cuda:
        device = resolve_device(f"cuda:{os.environ['LOCAL_RANK']}")
        torch.cuda.set_device(device)
    store, rank, world = next(iter(rendezvous("env://", timeout=_TOGETHER)))
    dist.init_process_group("nccl" if cuda else "gloo", store=store, rank=rank, world_size=world, timeout=_TOGETHER)
    ranks = Ranks(rank, world, device=device, store=PrefixStore("invariantselect", store))
    failure: BaseException | None = None
    try:
        yield ranks
    except BaseException as error:
        failure = error
        raise
    finally:
        ranks.end(failure)
        dist.destroy_process_group()
