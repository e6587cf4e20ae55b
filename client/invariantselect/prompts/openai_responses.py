"""A prompt as the input of OpenAI's Responses API.

Source: OpenAI API reference, Responses, https://platform.openai.com/docs/api-reference/responses/create.
"""

from __future__ import annotations

from typing import Any

from invariantselect.prompts.layouts import Part, Turn
from invariantselect.prompts.openai_chat import Detail
from invariantselect.prompts.prompt import Prompt

__all__ = ["render"]


def render(prompt: Prompt, *, detail: Detail) -> list[dict[str, Any]]:
    """Items for ``client.responses.create(input=…)``: the system message, then the turns."""
    return [{"role": "system", "content": prompt.system}, *(_item(turn, detail) for turn in prompt.turns)]


def _item(turn: Turn, detail: Detail) -> dict[str, Any]:
    if turn.role == "assistant":  # input_text isn't taken in this role, and output_text wants an id; a string is
        return {"role": "assistant", "content": "".join(part for part in turn.parts if isinstance(part, str))}
    return {"role": "user", "content": [_part(part, detail) for part in turn.parts]}


def _part(part: Part, detail: Detail) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "input_text", "text": part}
    return {"type": "input_image", "image_url": part.data_uri, "detail": detail}
