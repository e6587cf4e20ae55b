"""Where the weights of an open_clip name are: a file, the hub's cache, or the hub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import huggingface_hub
import open_clip
from huggingface_hub.errors import EntryNotFoundError

from encoders.expanded import expanded
from invariantselect.errors import EncoderUnavailableError

__all__ = ["Weights", "find_weights"]

_SUFFIXES = frozenset({".safetensors", ".pt", ".pth", ".bin"})
_SIDECAR = "open_clip_config.json"
_PREPROCESSING = ("mean", "std", "interpolation", "resize_mode")
# Before a download is tried, the hub has to answer within this; its own client retries for half a minute otherwise.
_HUB_ANSWERS_WITHIN_S = 5.0


@dataclass(frozen=True)
class Weights:
    """A checkpoint on disk.

    Attributes:
        source: The tag, or the absolute path.
        path: Of the checkpoint.
        preprocessing: What is known of it, under open_clip's names (mean, std, interpolation, resize_mode).
    """

    source: str
    path: Path
    preprocessing: Mapping[str, Any]


def find_weights(model: str, source: str, *, quick_gelu: bool) -> Weights:
    """The checkpoint of a model.

    Args:
        model: open_clip's name of it.
        source: A pretrained tag or a path; a tag wins where both exist.
        quick_gelu: Which GELU the model computes.

    Raises:
        EncoderUnavailableError: There is neither such a tag nor such a file, the hub can't be reached, or the weights
            were trained with the other GELU.
    """
    settings = open_clip.get_pretrained_cfg(model, source)
    if settings:
        _check_gelu(model, source, bool(settings.get("quick_gelu", False)), quick_gelu)
        return Weights(source, _from_hub(model, source, settings), settings)
    path = expanded(source)
    if source and path.is_file() and path.suffix in _SUFFIXES:
        beside = _sidecar(path)
        trained = beside.get("model_cfg", {}).get("quick_gelu")
        if trained is not None:
            _check_gelu(model, path.name, bool(trained), quick_gelu)
        preprocessing = beside.get("preprocess_cfg") or _preprocessing_of_all(model, path)
        return Weights(str(path.resolve()), path, preprocessing)
    tags = open_clip.list_pretrained_tags_by_model(model)
    raise EncoderUnavailableError(
        f"For the model {model} there is neither a pretrained tag nor a checkpoint file {source!r}.",
        hint=f"Its tags are {', '.join(tags) or 'none'}; files end in {', '.join(sorted(_SUFFIXES))}.",
    )


def _check_gelu(model: str, source: str, trained: bool, computed: bool) -> None:
    if trained == computed:
        return
    other = model.removesuffix("-quickgelu") if computed else f"{model}-quickgelu"
    raise EncoderUnavailableError(
        f"The weights {source!r} were trained with {'QuickGELU' if trained else 'the exact GELU'}, "
        f"but the model {model} computes the other one: its vectors would be subtly wrong.",
        hint=f"Use open_clip:{other}/{source}." if open_clip.get_model_config(other) else "Use the model it names.",
    )


def _preprocessing_of_all(model: str, checkpoint: Path) -> Mapping[str, Any]:
    """What all known weights of a model are used with; CLIP's where none are known."""
    tags = open_clip.list_pretrained_tags_by_model(model)
    every = {tag: open_clip.get_pretrained_cfg(model, tag) for tag in tags}
    known = {tag: {key: settings.get(key) for key in _PREPROCESSING} for tag, settings in every.items()}
    first = next(iter(known.values()), {})
    other = next((tag for tag, settings in known.items() if settings != first), None)
    if other is not None:
        raise EncoderUnavailableError(
            f"Nothing says how images are prepared for {checkpoint.name}: of the model {model}, the weights "
            f"{tags[0]!r} and {other!r} differ in it.",
            hint=f"Put {_SIDECAR} beside the file, as its repository has it: "
            '{"preprocess_cfg": {"mean": […], "std": […], "interpolation": "bicubic", "resize_mode": "shortest"}}.',
        )
    return {key: value for key, value in first.items() if value is not None}


def _sidecar(checkpoint: Path) -> dict[str, Any]:
    path = checkpoint.with_name(_SIDECAR)
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        sections = (content.get("model_cfg", {}), content.get("preprocess_cfg", {}))
    except (ValueError, AttributeError) as error:
        raise EncoderUnavailableError(f"The file {_SIDECAR} beside {checkpoint.name} is not valid JSON.") from error
    if not all(isinstance(section, dict) for section in sections):
        raise EncoderUnavailableError(f"The file {_SIDECAR} beside {checkpoint.name} is not open_clip's.")
    return dict(content)


def _from_hub(model: str, tag: str, settings: Mapping[str, Any]) -> Path:
    repository, files = _files(settings)
    for file in files:
        cached = huggingface_hub.try_to_load_from_cache(repository, file)
        if isinstance(cached, str):
            return Path(cached)
    try:
        _ask_hub(repository, files[0])
        return _fetched(repository, files)
    except Exception as error:  # the hub's client, its HTTP library and the system each have their own errors
        raise EncoderUnavailableError(
            f"The weights of open_clip:{model}/{tag} are not on this machine and can't be fetched from the model hub "
            f"({type(error).__name__}).",
            hint=f"Fetch {files[0]} of {repository} where there is a network, and {_SIDECAR} if it has one; copy them "
            f"into one folder here, and name the encoder open_clip:{model}/<path of {files[0]}>.",
        ) from error


def _files(settings: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The hub's repository and the files in it that may hold the weights, safetensors first."""
    location = PurePosixPath(str(settings.get("hf_hub", "")))
    if str(settings.get("hf_hub", "")).endswith("/"):
        return str(location), ["open_clip_model.safetensors", "open_clip_pytorch_model.bin"]
    return str(location.parent), list(dict.fromkeys([f"{location.stem}.safetensors", location.name]))


def _ask_hub(repository: str, file: str) -> None:
    session = huggingface_hub.get_session()
    session.head(huggingface_hub.hf_hub_url(repository, file), timeout=_HUB_ANSWERS_WITHIN_S, follow_redirects=False)


def _fetched(repository: str, files: list[str]) -> Path:
    *preferred, last = files
    for file in preferred:
        try:
            return Path(huggingface_hub.hf_hub_download(repository, file))
        except EntryNotFoundError:
            continue
    return Path(huggingface_hub.hf_hub_download(repository, last))
