"""A process that adapts, and kills itself at the n-th call of something on the way.

Called with a data directory to copy; each line of its input is an order ``{"data": …, "job": …, "half": false,
"half_products": false, "steps": 4, "at": "before fill", "nth": 1}``, which a child of its own carries out, so that many
deaths cost one start.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog
import torch
import torch._dynamo  # which the first step of an optimiser would import

from encoders.adaptation import activations, finetune, step_count
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.remembered import Remembered
from index.versioned_pool import VersionedPool
from service.jobs import adapting, draft_version, learning_set
from service.jobs.claims import Claim
from service.metrics import Metrics
from service.services import open_services
from tests.dying import die_at
from tests.service.adaptable import Adaptable, run_job, settings_of

CALLS: dict[str, tuple[Any, str]] = {
    "choose": (adapting, "choose"),
    "learning set": (learning_set, "write_durably"),
    "measured": (Remembered, "_write"),
    "checkpoint": (finetune, "save_checkpoint"),
    "reserve": (VersionedPool, "reserve_number"),
    "number": (draft_version, "write_durably"),
    "save": (draft_version, "save_adapted"),
    "add": (VersionedPool, "add_version"),
    "fill": (VersionedPool, "fill"),
    "switch": (VersionedPool, "switch"),
    "succeed": (Claim, "succeed"),
}


def carry_out(order: dict[str, Any], template: Path) -> None:
    step_count._FEWEST = step_count._MOST = order["steps"]  # what the budget allows
    activations._half_is_faster = lambda *_: order["half"]  # this and that hang on what else the machine does
    Finetune._half_is_faster = lambda *_: order["half_products"]  # type: ignore[method-assign]
    finetune._CHECKPOINT_EVERY = 0.0
    if "at" in order:
        die_at(CALLS, order["at"], order["nth"])
    services = open_services(settings_of(Path(order["data"]), template), Metrics())
    run_job(services, order["job"])
    services.close()


def main() -> None:
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    torch.set_num_threads(1)  # no thread may be running when it forks
    template = Path(sys.argv[1])
    with TemporaryDirectory() as folder:  # what is imported on the way is imported once, for all children
        warm = Adaptable(template, Path(folder))
        warm.adapt()
        warm.close()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                carry_out(json.loads(line), template)
            except BaseException:  # noqa: BLE001 -- a child must not go on in the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        os.write(1, json.dumps({"died": os.WIFSIGNALED(status), "code": status}).encode() + b"\n")


if __name__ == "__main__":
    main()
