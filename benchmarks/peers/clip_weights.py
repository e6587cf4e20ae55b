"""One CLIP with random weights, as a checkpoint of open_clip and, its image tower, as a model folder of transformers.

Random weights cost no less than trained ones, and no model hub is asked. The folder's text tower is a toy.

Source: Radford et al., Learning transferable visual models from natural language supervision, 2021,
https://arxiv.org/abs/2103.00020.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file

__all__ = ["MODEL", "ClipWeights", "write"]

MODEL = "ViT-B-32-quickgelu"

_LAYERS, _WIDTH, _HEADS, _DIM, _SIDE, _PATCH = 12, 768, 12, 512, 224, 32
_TOWER = {
    "class_embedding": "embeddings.class_embedding",
    "positional_embedding": "embeddings.position_embedding.weight",
    "conv1.weight": "embeddings.patch_embedding.weight",
    "ln_pre": "pre_layrnorm",
    "ln_post": "post_layernorm",
}
_LAYER = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


@dataclass(frozen=True)
class ClipWeights:
    """Where the two are.

    Attributes:
        open_clip: The checkpoint, a ``.safetensors``.
        transformers: The folder.
    """

    open_clip: Path
    transformers: Path


def write(folder: Path) -> ClipWeights:
    """Draw the weights and write them in both forms."""
    torch.manual_seed(0)
    whole = open_clip.create_model(MODEL)
    state = whole.visual.state_dict()
    checkpoint, model = folder / "clip.safetensors", folder / "clip"
    save_file({name: value.contiguous() for name, value in whole.state_dict().items()}, checkpoint)
    model.mkdir()
    save_file(dict(_renamed(state)), model / "model.safetensors", metadata={"format": "pt"})
    for name, content in _descriptions().items():
        (model / name).write_text(json.dumps(content), encoding="utf-8")
    (model / "merges.txt").write_text("#version: 0.2\na b</w>\n", encoding="utf-8")
    return ClipWeights(checkpoint, model)


def _renamed(state: Mapping[str, torch.Tensor]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tower under transformers' names: query, key and value apart, and the projection turned round."""
    for name, value in state.items():
        stem, _, kind = name.rpartition(".")
        if name == "proj":
            yield "visual_projection.weight", value.T.contiguous()
        elif name in _TOWER:
            yield f"vision_model.{_TOWER[name]}", value.contiguous()
        elif stem in _TOWER:
            yield f"vision_model.{_TOWER[stem]}.{kind}", value.contiguous()
        else:
            number, _, part = name.removeprefix("transformer.resblocks.").partition(".")
            layer = f"vision_model.encoder.layers.{number}"
            if part.startswith("attn.in_proj_"):
                for which, piece in zip("qkv", value.chunk(3), strict=True):
                    yield f"{layer}.self_attn.{which}_proj.{part.removeprefix('attn.in_proj_')}", piece.contiguous()
            else:
                within, _, kind = part.rpartition(".")
                yield f"{layer}.{_LAYER[within]}.{kind}", value.contiguous()


def _descriptions() -> dict[str, object]:
    toy = {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 1, "num_hidden_layers": 1}
    words = ["a", "b</w>", "ab</w>", "<|startoftext|>", "<|endoftext|>"]
    tower = {
        "hidden_size": _WIDTH,
        "intermediate_size": 4 * _WIDTH,
        "num_attention_heads": _HEADS,
        "num_hidden_layers": _LAYERS,
        "image_size": _SIDE,
        "patch_size": _PATCH,
        "hidden_act": "quick_gelu",
        "projection_dim": _DIM,
    }
    return {
        "config.json": {
            "architectures": ["CLIPModel"],
            "model_type": "clip",
            "projection_dim": _DIM,
            "vision_config": {"model_type": "clip_vision_model", **tower},
            "text_config": {"model_type": "clip_text_model", "vocab_size": len(words), "projection_dim": _DIM, **toy}
            | {"bos_token_id": 3, "eos_token_id": 4, "pad_token_id": 4, "max_position_embeddings": 77},
        },
        "preprocessor_config.json": {
            "image_processor_type": "CLIPImageProcessor",
            "do_resize": True,
            "size": {"shortest_edge": _SIDE},
            "resample": 3,
            "do_center_crop": True,
            "crop_size": {"height": _SIDE, "width": _SIDE},
            "do_rescale": True,
            "do_normalize": True,
            "image_mean": list(open_clip.OPENAI_DATASET_MEAN),
            "image_std": list(open_clip.OPENAI_DATASET_STD),
            "do_convert_rgb": True,
        },
        "vocab.json": {word: number for number, word in enumerate(words)},
        "tokenizer_config.json": {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77}
        | {"bos_token": words[3], "eos_token": words[4], "unk_token": words[4], "pad_token": words[4]},
    }
