"""The weights digest of what torch and safetensors hold."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from encoders.fingerprint import RawTensor, weights_digest

__all__ = ["state_digest"]

# torch's number formats by the names that safetensors writes into its files.
_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def state_digest(state: Mapping[str, torch.Tensor]) -> str:
    """`weights_digest` of a state dict.

    Args:
        state: Tensors on any device, in any memory layout.

    Raises:
        KeyError: A tensor of a number format that weights don't have (complex, quantised).
    """
    return weights_digest({name: _raw(tensor) for name, tensor in state.items()})


def _raw(tensor: torch.Tensor) -> RawTensor:
    # A view of single bytes: NumPy has no bfloat16, and the numbers need no copy.
    plain = tensor.detach().cpu().contiguous()
    data = plain.reshape(-1).view(torch.uint8).numpy().data if plain.numel() else b""
    return RawTensor(_NAMES[plain.dtype], tuple(plain.shape), data)
