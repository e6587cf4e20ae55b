"""A prompt as the arguments of Anthropic's Messages API.

Source: Anthropic API reference, Messages, https://platform.claude.com/docs/en/api/messages, and prompt caching,
https://platform.claude.com/docs/en/build-with-claude/prompt-caching.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from invariantselect.prompts.layouts import Part, Turn
from invariantselect.prompts.prompt import Prompt

__all__ = ["CacheLifetime", "render"]

CacheLifetime: TypeAlias = Literal["5m", "1h"]


def render(prompt: Prompt, *, cache: CacheLifetime | None) -> dict[str, Any]:
    """``system`` and ``messages`` for ``client.messages.create(**…)``.

    Args:
        prompt: The prompt.
        cache: How long the vendor keeps everything up to the last demonstration, which is marked with
            ``cache_control``; None marks nothing, and without demonstrations there is nothing to mark.
    """
    messages = [_message(turn) for turn in prompt.turns]
    stable = [place for place, turn in enumerate(prompt.turns) if turn.cacheable]
    if cache is not None and stable:
        last = messages[stable[-1]]["content"][prompt.turns[stable[-1]].cacheable - 1]
        last["cache_control"] = {"type": "ephemeral", "ttl": cache}
    return {"system": prompt.system, "messages": messages}


def _message(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": [_block(part) for part in turn.parts]}


def _block(part: Part) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image", "source": {"type": "base64", "media_type": part.media_type, "data": part.base64}}
