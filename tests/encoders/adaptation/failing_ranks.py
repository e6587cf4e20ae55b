"""Shared trainings in which one process fails: ``python -m … WHO FILE`` under `torchrun`'s environment.

Each process writes into ``FILE <rank>`` what it was told.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from encoders.adaptation.following import follow
from encoders.adaptation.ranks import Ranks, joined
from encoders.adaptation.watch import Watch
from encoders.objectives.cci import Cci
from invariantselect.errors import InternalError, JobCancelledError
from tests.encoders.adaptation.toy import back_of, training_of

STEP = 3


class Failing(nn.Module):
    """A back that fails in its ``last`` forward pass; 0 for one that doesn't."""

    def __init__(self, last: int = 0) -> None:
        super().__init__()
        self.back = back_of()
        self._left = last

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self._left -= 1
        if self._left == 0:
            raise ValueError("its device fell out")
        return self.back(inputs)


def watch_that(who: str) -> Watch:
    """Ends rank 0 behind a step, where it is that one's turn."""

    def told(phase: str, step: int, *_: object) -> None:
        if step == STEP and who == "rank 0 is cancelled":
            raise JobCancelledError("somebody cancelled it")

    return Watch(told)


def lead(ranks: Ranks, who: str) -> None:
    training = training_of(ranks=ranks, back=Failing(), objective=Cci())
    if who == "rank 0 fails within a step":
        training._losses = nn.ModuleList([nn.Identity(), nn.Identity()])  # which take one argument: not a step is done
    training.run(watch=watch_that(who))


def main(who: str, file: Path) -> None:
    with joined("cpu") as ranks:
        file = file.with_name(f"{file.name} {ranks.rank}")
        try:
            if ranks.leads:
                lead(ranks, who)
            else:
                follow(ranks, lambda _: Failing(STEP if who == "rank 1 fails" else 0))
        except (InternalError, JobCancelledError) as error:
            file.write_text(f"{type(error).__name__}: {error}")
            raise


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]))
