"""From the name of an encoder to the encoder."""

from __future__ import annotations

from pathlib import Path

from encoders import efficientnet_lite0, open_clip_tower
from encoders.cache_directory import user_cache_directory
from encoders.encoder import Encoder, EncoderIdentity
from encoders.image_encoder import ImageEncoder
from encoders.runtime.device import resolve_device
from encoders.runtime.runtime import Runtime
from encoders.store import is_stored, load_stored
from encoders.tower import Tower
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError

__all__ = ["known_encoders", "load_encoder"]

_RUNTIMES = ("auto", "onnxruntime", "torch")
# Small convolutional towers; transformers gain nothing from ONNX Runtime that would pay for an export.
_FASTER_IN_ONNX = frozenset({efficientnet_lite0.FAMILY})


def known_encoders(store: Path | None = None) -> list[str]:
    """Names that load on this machine as it is: the packaged encoder, and those saved in the store.

    `load_encoder` takes more: ``open_clip:<model>/<tag or path>``, and directories anywhere.

    Args:
        store: The encoder store; None for none.
    """
    saved = sorted(str(path) for path in store.iterdir() if is_stored(path)) if store and store.is_dir() else []
    return [efficientnet_lite0.NAME, *saved]


def load_encoder(
    name: str,
    *,
    store: Path | None = None,
    device: str = "auto",
    runtime: str = "auto",
    precision: str = "float32",
) -> Encoder:
    """Load an encoder.

    Args:
        name: ``efficientnet-lite0``; ``open_clip:<model>/<pretrained tag or path of a checkpoint>``; a directory
            written by `encoders.store.save_encoder`.
        store: The encoder store, whose ``onnx`` directory caches exports; the user's cache directory when None.
        device: ``auto`` (a CUDA device if there is one, else the cpu), ``cpu``, ``cuda`` or ``cuda:<number>``.
        runtime: ``auto`` (ONNX Runtime for EfficientNet-Lite0 on the cpu, else torch), ``onnxruntime`` or ``torch``.
        precision: ``float32``; on CUDA also ``bfloat16`` and ``float16``, each a space with its own fingerprint.

    Raises:
        EncoderNotFoundError: No encoder has this name.
        EncoderUnavailableError: It can't be loaded here: weights, package, device, precision or runtime are missing.
        StoreCorruptError: The directory or the export is damaged.
    """
    if runtime not in _RUNTIMES:
        raise EncoderUnavailableError(f"There is no runtime {runtime!r}.", hint=f"Use one of {', '.join(_RUNTIMES)}.")
    place = resolve_device(device)
    full_name, version, tower = _tower(name)
    if runtime == "auto":
        fits = place == "cpu" and precision == "float32" and tower.architecture["family"] in _FASTER_IN_ONNX
        runtime = "onnxruntime" if fits else "torch"
    running = _running(tower, runtime, place, precision, (store or user_cache_directory()) / "onnx")
    identity = EncoderIdentity(
        name=full_name,
        version=version,
        fingerprint=tower.fingerprint(running.precision),
        dim=tower.dim,
        trunk=tower.fingerprint(running.precision),
        trunk_dim=tower.dim,
        image_size=tower.preprocessing.size,
        runtime=running.name,
        device=running.device,
        precision=running.precision,
    )
    return ImageEncoder(identity, tower.preprocessing, running)


def _tower(name: str) -> tuple[str, str, Tower]:
    """Full name, version and tower; relative paths in a name are made absolute, so that a pool can keep it."""
    if name == efficientnet_lite0.NAME:
        return name, "1", efficientnet_lite0.packaged_tower()
    if name.startswith(open_clip_tower.PREFIX):
        full_name, tower = open_clip_tower.named_tower(name)
        return full_name, "1", tower
    directory = Path(name).expanduser()
    if name and is_stored(directory):
        stored = load_stored(directory)
        return str(directory.resolve()), stored.version, stored.tower
    raise EncoderNotFoundError(f"There is no encoder {name!r}, and no directory of that name holds one.")


def _running(tower: Tower, runtime: str, device: str, precision: str, exports: Path) -> Runtime:
    # Imported late: serving from a cached export never imports torch, which takes seconds.
    if runtime == "torch":
        from encoders.runtime.torch_runtime import TorchRuntime

        return TorchRuntime(tower.build(), device=device, precision=precision)
    if device != "cpu" or precision != "float32":
        raise EncoderUnavailableError(
            f"ONNX Runtime runs here on the cpu in float32, not on {device} in {precision}.",
            hint="Use the runtime 'torch' for CUDA devices and lower precision.",
        )
    from encoders.runtime.onnx_cache import exported
    from encoders.runtime.onnx_runtime import OnnxRuntime

    return OnnxRuntime(exported(tower, exports))
