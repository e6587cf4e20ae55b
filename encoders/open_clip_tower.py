"""Image towers of open_clip: by a pretrained tag, or by a checkpoint on disk.

Source: Ilharco et al., OpenCLIP, 2021, https://github.com/mlfoundations/open_clip; Cherti et al., Reproducible scaling
laws for contrastive language-image learning, 2023, https://arxiv.org/abs/2212.07143.
"""

from __future__ import annotations

import difflib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from encoders.preprocess import Preprocessing, Resize
from encoders.tower import Tower
from invariantselect.errors import EncoderNotFoundError, EncoderUnavailableError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["FAMILY", "PREFIX", "build_module", "named_tower"]

FAMILY = "open_clip"
PREFIX = "open_clip:"

# What a description that makes no sense meets in the builders of open_clip and timm.
_BUILDING = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
_RESIZE: dict[str, Resize] = {"shortest": "shortest_edge_center_crop", "squash": "squash"}


def named_tower(name: str) -> tuple[str, Tower]:
    """The image tower that a name means, with its weights in memory.

    Args:
        name: ``open_clip:<model>/<pretrained tag>``, fetched from the model hub unless it is in the hub's cache; or
            ``open_clip:<model>/<path>`` of a ``.safetensors``, or of a ``.pt``, ``.pth`` or ``.bin`` that holds
            nothing but tensors. An ``open_clip_config.json`` beside it tells its preprocessing, as on the hub; without
            one it is what all known weights of the model have in common.

    Returns:
        The name with its path made absolute, and the tower.

    Raises:
        EncoderNotFoundError: open_clip has no model of this name.
        EncoderUnavailableError: The weights are not here and can't be fetched, don't fit the model, were trained with
            the other GELU, hold more than tensors, or nothing tells their preprocessing.
    """
    from encoders.open_clip_weights import find_weights

    model, _, source = name.removeprefix(PREFIX).partition("/")
    config = _config(model)
    weights = find_weights(model, source, quick_gelu=bool(config.get("quick_gelu")))
    architecture = _architecture(config)
    module = build_module(architecture)
    _fill(module, _image_weights(weights.path, module), name)
    tower = _tower(architecture, module, weights.preprocessing)
    return f"{PREFIX}{model}/{weights.source}", tower


def build_module(architecture: Mapping[str, Any]) -> nn.Module:
    """The image tower without weights: (batch, 3, side, side) to (batch, embed_dim).

    Args:
        architecture: ``embed_dim``, ``vision_cfg`` and ``quick_gelu`` as in open_clip's model configurations.

    Raises:
        EncoderUnavailableError: open_clip can't build it.
    """
    import open_clip

    from encoders.open_clip_module import ImageTower

    vision = dict(architecture["vision_cfg"])
    if "timm_model_name" in vision:
        # A stored description may be anybody's: a name with a scheme, and pretrained weights, would be fetched.
        if ":" in str(vision["timm_model_name"]):
            raise EncoderUnavailableError(f"timm has no model {vision['timm_model_name']!r} of its own.")
        vision["timm_model_pretrained"] = False
    # The smallest text tower that open_clip takes: it is thrown away, and needs no other package's language model.
    text = {"context_length": 1, "vocab_size": 2, "width": 8, "heads": 1, "layers": 1}
    try:
        model = open_clip.CLIP(
            embed_dim=architecture["embed_dim"],
            vision_cfg=vision,
            text_cfg=text,
            quick_gelu=architecture["quick_gelu"],
        )
    except _BUILDING as error:
        raise EncoderUnavailableError(
            f"open_clip can't build this image tower: {error}.", hint="Check the versions of open_clip and timm."
        ) from error
    return ImageTower(model.visual).eval()


def _config(model: str) -> dict[str, Any]:
    import open_clip

    # Names with a scheme (hf-hub:, local-dir:) would make open_clip fetch and trust a configuration.
    config = None if ":" in model else open_clip.get_model_config(model)
    if config is None:
        close = difflib.get_close_matches(model, open_clip.list_models(), n=3)
        raise EncoderNotFoundError(
            f"open_clip has no model {model!r}.",
            hint=f"Close to it are {', '.join(close)}." if close else "open_clip.list_models() lists them.",
        )
    return cast("dict[str, Any]", config)


def _architecture(config: Mapping[str, Any]) -> dict[str, Any]:
    vision = dict(config["vision_cfg"])
    if "timm_model_name" in vision:
        vision["timm_model_pretrained"] = False  # its own weights come from the checkpoint, not from another hub
    quick_gelu = bool(config.get("quick_gelu", False))
    return {"family": FAMILY, "embed_dim": config["embed_dim"], "vision_cfg": vision, "quick_gelu": quick_gelu}


def _image_weights(path: Path, module: nn.Module) -> dict[str, torch.Tensor]:
    from open_clip.convert import convert_state_dict
    from open_clip.factory import load_state_dict

    try:
        # Checkpoints of other projects (MobileCLIP) are renamed by what open_clip knows of them.
        state = convert_state_dict(module, load_state_dict(str(path), weights_only=True))
    except pickle.UnpicklingError as error:
        raise EncoderUnavailableError(
            f"The checkpoint {path.name} is damaged or holds more than tensors, and such files are not unpickled here.",
            hint="Save its state dict as .safetensors.",
        ) from error
    except Exception as error:  # torch's restricted unpickler meets damage with whatever Python raises there
        raise EncoderUnavailableError(f"The checkpoint {path.name} is damaged or is no checkpoint.") from error
    return {key.removeprefix("visual."): value for key, value in state.items() if key.startswith("visual.")}


def _fill(module: nn.Module, state: Mapping[str, torch.Tensor], name: str) -> None:
    try:
        module.get_submodule("visual").load_state_dict(state)
    except (RuntimeError, AttributeError) as error:
        raise EncoderUnavailableError(
            f"The weights of {name!r} don't fit the image tower of that model.",
            hint="Check that the checkpoint was trained with this very model name.",
        ) from error


def _tower(architecture: Mapping[str, Any], module: nn.Module, settings: Mapping[str, Any]) -> Tower:
    from open_clip.transform import PreprocessCfg

    from encoders.state_digest import state_digest

    defaults = PreprocessCfg()
    size = architecture["vision_cfg"].get("image_size", 224)
    mode = settings.get("resize_mode", defaults.resize_mode)
    if not isinstance(size, int) or mode not in _RESIZE:
        raise EncoderUnavailableError(f"Input of {size!r} pixels with resize mode {mode!r} is not supported.")
    fields = {key: settings.get(key, getattr(defaults, key)) for key in ("interpolation", "mean", "std")}
    try:
        preprocessing = Preprocessing.from_json({"size": size, "resize": _RESIZE[mode], **fields})
    except ValueError as error:
        raise EncoderUnavailableError(
            f"The preprocessing that comes with the weights can't be used: {error}."
        ) from error
    return Tower(
        architecture,
        preprocessing,
        "tower",
        architecture["embed_dim"],
        state_digest(module.state_dict()),
        lambda: module,
    )
