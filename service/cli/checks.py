"""What `doctor` looks at: one small function for each thing that can be wrong."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from encoders.encoder import EncoderIdentity
from index.catalog.opening import CATALOG_FILE
from index.inspection import inspect
from invariantselect.errors import InvariantSelectError
from service.cli.queue_file import queue_problem
from service.cli.version import distribution_version
from service.cli.workplace import load_encoder, open_pools
from service.settings import Settings

__all__ = ["Check", "run_checks"]

_NEEDED = ["torch", "onnxruntime", "open-clip-torch", "timm", "pillow", "sqlalchemy", "alembic", "fastapi", "pyarrow"]
_ROOM = 2**30  # below a gigabyte, the next ingest of photographs is likely to fill the disk


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it is.
        ok: Whether it is as it should be, or harmless.
        found: What was found, in a few words.
        next_step: What to do about it; None when it is fine.
    """

    name: str
    ok: bool
    found: str
    next_step: str | None = None


def run_checks(settings: Settings) -> list[Check]:
    """Look at everything; one check that fails doesn't stop the others."""
    looks: list[Callable[[Settings], Iterator[Check]]] = [
        _python,
        _packages,
        _faiss,
        _encoder,
        _disk,
        _pools,
        _queue,
        _redis,
    ]
    checks: list[Check] = []
    for look in looks:
        try:
            checks += look(settings)
        except InvariantSelectError as error:
            checks.append(Check(look.__name__.removeprefix("_"), False, error.detail, error.hint))
        except OSError as error:
            checks.append(Check(look.__name__.removeprefix("_"), False, str(error), "Check the disk and permissions."))
    return checks


def _python(settings: Settings) -> Iterator[Check]:  # noqa: ARG001
    fine = sys.version_info >= (3, 11)
    yield Check("python", fine, platform.python_version(), None if fine else "Install Python 3.11 or newer.")


def _packages(settings: Settings) -> Iterator[Check]:  # noqa: ARG001
    missing = [name for name in _NEEDED if distribution_version(name) is None]
    if missing:
        yield Check("packages", False, f"missing: {', '.join(missing)}", "pip install 'invariantselect-server[cpu]'")
    else:
        yield Check("packages", True, f"torch {distribution_version('torch')}, {len(_NEEDED)} of {len(_NEEDED)} found")


def _faiss(settings: Settings) -> Iterator[Check]:  # noqa: ARG001
    found = {name: version for name in ("faiss-cpu", "faiss-gpu") if (version := distribution_version(name))}
    told = ", ".join(f"{name} {version}" for name, version in found.items())
    if len(found) > 1:
        yield Check("faiss", False, told, "Uninstall both and install one: they overwrite each other's module.")
    elif not found or importlib.util.find_spec("faiss") is None:
        yield Check("faiss", False, "not installed", "pip install 'invariantselect-server[cpu]' (or [gpu])")
    else:
        yield Check("faiss", True, told)


def _encoder(settings: Settings) -> Iterator[Check]:
    begin = time.perf_counter()
    encoder = load_encoder(settings, settings.encoder)
    loaded = time.perf_counter()
    side = encoder.identity.image_size
    picture = Image.radial_gradient("L").resize((side, side)).convert("RGB")
    encoder.encode([picture])
    first = time.perf_counter()
    encoder.encode([picture])
    again = time.perf_counter()
    identity = encoder.identity
    by = identity.runtime if identity.runtime_instead is None else f"{identity.runtime} ({identity.runtime_instead})"
    yield Check(
        "encoder",
        True,
        f"{identity.name} on {identity.device} by {by}, {identity.dim} dimensions; loaded in "
        f"{loaded - begin:.1f} s, first image {1000 * (first - loaded):.0f} ms, next {1000 * (again - first):.0f} ms",
    )
    yield from _gpu(identity, settings)


def _gpu(identity: EncoderIdentity, settings: Settings) -> Iterator[Check]:
    if shutil.which("nvidia-smi") is None:
        yield Check("gpu", True, "none on this machine; the CPU is used")
    elif identity.device == "cpu" and (settings.device == "cpu" or identity.precision == "int8"):
        yield Check("gpu", True, "there is one; the encoder runs on the CPU, as it was set to")
    elif identity.device == "cpu":
        step = (
            "Set INVARIANTSELECT_DEVICE=cuda, with the extra gpu in place of cpu; or set it to cpu, if that is meant."
        )
        yield Check("gpu", False, "there is one, but the encoder runs on the CPU", step)
    else:
        yield Check("gpu", True, f"the encoder runs on {identity.device}")


def _disk(settings: Settings) -> Iterator[Check]:
    there = settings.data.absolute()
    while not there.exists():
        there = there.parent
    told = str(settings.data) if settings.data.exists() else f"{settings.data} (made by the first ingest)"
    writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    yield Check("data directory", writable, told, None if writable else f"Make {there} a directory you may write to.")
    free = shutil.disk_usage(there).free
    room = None if free >= _ROOM else "Free some space, or move the data directory with --data."
    yield Check("disk", room is None, f"{free / 2**30:.1f} GiB free", room)


def _pools(settings: Settings) -> Iterator[Check]:
    if not settings.data.is_dir() or not (settings.database_url or (settings.data / CATALOG_FILE).exists()):
        yield Check("pools", True, "none yet")
        return
    findings = inspect(settings.data, settings.database_url, settings.images_url)
    for finding in findings:
        name = "pools" if finding.pool is None else f"pool {finding.pool}"
        yield Check(name, finding.harmless, finding.detail, finding.remedy)
    if all(finding.harmless for finding in findings):
        with open_pools(settings) as pools:
            sizes = [f"{pool.name} ({pool.summary().demonstrations})" for pool in pools.list()]
        yield Check("pools", True, f"every file, vector and image is sound: {', '.join(sizes) or 'no pool'}")


def _queue(settings: Settings) -> Iterator[Check]:
    problem = queue_problem(settings.data)
    if problem is not None:
        step = "Stop the server and its workers, and run: invariantselect doctor --repair. No job is lost."
        yield Check("queue", False, problem, step)


def _redis(settings: Settings) -> Iterator[Check]:
    if settings.redis_url is None:
        yield Check("redis", True, "not configured; not needed")
        return
    from redis import Redis
    from redis.exceptions import RedisError

    try:
        with Redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as redis:
            redis.ping()
    except (RedisError, OSError, ValueError) as error:
        yield Check("redis", False, str(error), "Start it, or unset INVARIANTSELECT_REDIS_URL: it only saves time.")
    else:
        yield Check("redis", True, "answers")
