"""A prompt as the contents of Google's Gemini API.

Source: Gemini API reference, generateContent, https://ai.google.dev/api/generate-content.
"""

from __future__ import annotations

from typing import Any

from invariantselect.prompts.layouts import Part, Turn
from invariantselect.prompts.prompt import Prompt

__all__ = ["render"]


def render(prompt: Prompt) -> dict[str, Any]:
    """``contents`` and ``system_instruction``, named as Google's Python SDK names them.

    The SDK takes them as ``generate_content(contents=p["contents"], config={"system_instruction":
    p["system_instruction"]})``; the REST API takes the whole as the body of ``:generateContent``.
    """
    return {
        "system_instruction": {"parts": [{"text": prompt.system}]},
        "contents": [_content(turn) for turn in prompt.turns],
    }


def _content(turn: Turn) -> dict[str, Any]:
    return {"role": "model" if turn.role == "assistant" else "user", "parts": [_part(part) for part in turn.parts]}


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, str):
        return {"text": part}
    return {"inline_data": {"mime_type": part.media_type, "data": part.base64}}
