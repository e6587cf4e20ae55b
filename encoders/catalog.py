"""From the name of an encoder to the encoder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from encoders import efficientnet_lite0, open_clip_tower
from encoders.cache_directory import user_cache_directory
from encoders.calibration.calibration import IDENTITY, Calibration
from encoders.encoder import Encoder, EncoderIdentity
from encoders.expanded import expanded
from encoders.fingerprint import calibrated_fingerprint
from encoders.image_encoder import ImageEncoder
from encoders.quantised_tower import QuantisedTower
from encoders.runtime.running import RUNTIMES, run
from encoders.store import is_stored, load_stored
from encoders.tower import BaseTrunk, Tower
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError

__all__ = ["is_rounded", "known_encoders", "load_encoder", "load_tower", "was_adapted"]

# <pool key>/<number>: nothing in it can lead out of the store.
_ADAPTED = re.compile(r"[0-9a-f]{32}/[1-9][0-9]{0,8}")


def known_encoders(store: Path | None = None) -> list[str]:
    """Names that load on this machine as it is: the packaged encoder, and those saved in the store.

    `load_encoder` takes more: ``open_clip:<model>/<tag or path>``, and directories anywhere.

    Args:
        store: The encoder store; None for none.
    """
    saved = sorted(str(path) for path in store.iterdir() if is_stored(path)) if store and store.is_dir() else []
    return [efficientnet_lite0.NAME, *saved]


def was_adapted(name: str) -> bool:
    """Whether an encoder of this name has learnt from a pool's labels.

    Args:
        name: As of `load_encoder`.

    Raises:
        StoreCorruptError: It is a directory that is damaged.
    """
    if _ADAPTED.fullmatch(name):
        return True
    directory = expanded(name)
    return is_stored(directory) and load_stored(directory).lineage is not None


def load_encoder(
    name: str,
    *,
    store: Path | None = None,
    device: str = "auto",
    runtime: str = "auto",
    precision: str | None = None,
) -> Encoder:
    """Load an encoder.

    Args:
        name: ``efficientnet-lite0``; ``open_clip:<model>/<pretrained tag or path of a checkpoint>``; a directory
            written by `encoders.store`; ``<pool key>/<number>`` for an adapted version below the store, 32 hexadecimal
            digits and a number.
        store: The encoder store, whose ``onnx`` directory caches exports; the user's cache directory when None.
        device: ``auto`` (a CUDA device if there is one, else the cpu), ``cpu``, ``cuda`` or ``cuda:<number>``.
        runtime: ``auto`` (on the cpu ONNX Runtime, and torch where a tower can't be exported, with the reason in the
            identity; torch elsewhere), ``onnxruntime`` or ``torch``.
        precision: ``float32``; on CUDA also ``bfloat16`` and ``float16``, each a space with its own fingerprint. None
            for the encoder's own: ``int8`` for one that was rounded, which has no other, else ``float32``.

    Raises:
        EncoderNotFoundError: No encoder has this name.
        EncoderUnavailableError: It can't be loaded here: weights, package, device, precision or runtime are missing,
            or the encoder whose trunk it shares has changed since.
        StoreCorruptError: The directory or the export is damaged.
    """
    if runtime not in RUNTIMES:
        raise EncoderUnavailableError(f"There is no runtime {runtime!r}.", hint=f"Use one of {', '.join(RUNTIMES)}.")
    known = _known(name, store)
    tower, calibration = known.tower, known.calibration
    exports = (store or user_cache_directory()) / "onnx"
    running, instead = run(tower, name=known.name, runtime=runtime, device=device, precision=precision, exports=exports)
    trunk = tower.fingerprint() if isinstance(tower, QuantisedTower) else tower.fingerprint(running.precision)
    identity = EncoderIdentity(
        name=known.name,
        version=known.version,
        fingerprint=calibrated_fingerprint(trunk, calibration.digest()),
        dim=calibration.dim(tower.dim),
        trunk=trunk,
        trunk_dim=tower.dim,
        image_size=tower.preprocessing.size,
        runtime=running.name,
        device=running.device,
        precision=running.precision,
        runtime_instead=instead,
        quantisation=tower.quantisation if isinstance(tower, QuantisedTower) else None,
    )
    return ImageEncoder(identity, tower.preprocessing, running, calibration)


def load_tower(name: str, *, store: Path | None = None) -> Tower:
    """The trunk of an encoder, before it runs: what a training begins with. What lies behind the trunk is left out.

    Args:
        name: As `load_encoder` takes it.
        store: The encoder store.

    Raises:
        EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError: As `load_encoder`; or it was rounded to
            int8, and nothing of it can be trained.
    """
    tower = _known(name, store).tower
    if isinstance(tower, QuantisedTower):
        raise EncoderUnavailableError(
            f"The encoder {name!r} was rounded to int8: there is nothing in it that could be trained.",
            hint="Adapt it by the depth closed_form or head, or fine-tune the encoder that it was made of.",
        )
    return tower


def is_rounded(name: str, *, store: Path | None = None) -> bool:
    """Whether an encoder was rounded to int8, so that there is no tower of it to train.

    Args:
        name: As `load_encoder` takes it.
        store: The encoder store.

    Raises:
        EncoderNotFoundError, EncoderUnavailableError, StoreCorruptError: As `load_encoder`.
    """
    return isinstance(_known(name, store).tower, QuantisedTower)


@dataclass(frozen=True)
class _Known:
    """An encoder that was found, before it runs. Paths in its name are absolute, so that a pool can keep it."""

    name: str
    version: str
    tower: Tower | QuantisedTower
    calibration: Calibration = IDENTITY


def _known(name: str, store: Path | None, asked_for_by: tuple[str, ...] = ()) -> _Known:
    """The encoder of a name; ``asked_for_by`` are the encoders whose trunk it is."""
    if name == efficientnet_lite0.NAME:
        return _Known(name, "1", efficientnet_lite0.packaged_tower())
    if name.startswith(open_clip_tower.PREFIX):
        full_name, tower = open_clip_tower.named_tower(name)
        return _Known(full_name, "1", tower)
    adapted = store is not None and _ADAPTED.fullmatch(name) is not None
    directory = store / name if store and adapted else expanded(name)
    if not name or not is_stored(directory) or (store and adapted and not _lies_below(directory, store)):
        raise EncoderNotFoundError(f"There is no encoder {name!r}, and no directory of that name holds one.")
    full_name = name if adapted else str(directory.resolve())
    if full_name in asked_for_by:
        raise StoreCorruptError(f"The encoder {full_name!r} is its own trunk.")
    stored = load_stored(directory)
    trunk = (
        _shared(stored.trunk, store, (*asked_for_by, full_name))
        if isinstance(stored.trunk, BaseTrunk)
        else stored.trunk
    )
    return _Known(full_name, stored.version, trunk, stored.calibration)


def _shared(trunk: BaseTrunk, store: Path | None, asked_for_by: tuple[str, ...]) -> Tower | QuantisedTower:
    hint = "Give that encoder its weights back, or adapt the pool again."
    words = f"The encoder {asked_for_by[-1]!r} was adapted from {trunk.name!r}, which"
    try:
        tower = _known(trunk.name, store, asked_for_by).tower
    except EncoderNotFoundError as error:
        raise EncoderUnavailableError(f"{words} is not here any more.", hint=hint) from error
    if tower.fingerprint() != trunk.fingerprint:
        raise EncoderUnavailableError(f"{words} has changed since.", hint=hint)
    return tower


def _lies_below(directory: Path, store: Path) -> bool:
    # A link in the store could lead out of it.
    return directory.resolve().is_relative_to(store.resolve())
