"""A prompt as the messages of OpenAI's chat completions, which most other servers of open models take as well.

Source: OpenAI API reference, Chat Completions, https://platform.openai.com/docs/api-reference/chat/create.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from invariantselect.prompts.layouts import Part, Turn
from invariantselect.prompts.prompt import Prompt

__all__ = ["Detail", "render"]

Detail: TypeAlias = Literal["auto", "low", "high"]
"""How closely the model looks at an image: ``"low"`` is 512 pixels a side at a flat price."""


def render(prompt: Prompt, *, detail: Detail) -> list[dict[str, Any]]:
    """Messages for ``client.chat.completions.create(messages=…)``: system, then the turns."""
    return [{"role": "system", "content": prompt.system}, *(_message(turn, detail) for turn in prompt.turns)]


def _message(turn: Turn, detail: Detail) -> dict[str, Any]:
    if turn.role == "assistant":  # a plain string: many compatible servers read nothing else in this role
        return {"role": "assistant", "content": "".join(part for part in turn.parts if isinstance(part, str))}
    return {"role": "user", "content": [_part(part, detail) for part in turn.parts]}


def _part(part: Part, detail: Detail) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.data_uri, "detail": detail}}
