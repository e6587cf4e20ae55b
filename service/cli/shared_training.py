"""A command that `torchrun` started several times: one does it, the others lend their devices to its training."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from encoders.adaptation.launch import is_one_of_several

if TYPE_CHECKING:
    from encoders.adaptation.ranks import Ranks

__all__ = ["shared"]


@contextmanager
def shared(device: str) -> Iterator[Ranks | None]:
    """The processes that this one is one of; None where it is alone. All but rank 0 come here when rank 0 has ended.

    Args:
        device: Of the settings.

    Raises:
        EncoderUnavailableError: There are more processes than devices.
        InternalError: In the others, that rank 0 has failed.
    """
    if not is_one_of_several():
        yield None
        return
    from encoders.adaptation.following import follow
    from encoders.adaptation.ranks import joined

    with joined(device) as ranks:
        if ranks.leads:
            # torchrun's way to say that another process has ended: the job is put down as on Ctrl-C.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        else:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # reaches rank 0 too, which ends the job and tells everybody
            follow(ranks)
        yield ranks
