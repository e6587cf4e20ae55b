"""How sure a model is of its answer, from the probabilities of its tokens."""

from __future__ import annotations

import math
from itertools import accumulate

from evaluation.learners.lmm.reply import Reply, Token

__all__ = ["WITHOUT_PROBABILITIES", "confidence_of"]

WITHOUT_PROBABILITIES = 1.0
"""Of every label from an endpoint that gives no probabilities: the model named it, and nothing says how surely."""


def confidence_of(reply: Reply, label: str) -> float:
    """The probability of the tokens that spell the label where it stands last; of all tokens, if it isn't spelt so.

    Source of the habit: Jiang et al., How Can We Know When Language Models Know?, 2021,
    https://arxiv.org/abs/2012.00955, who take the probability of the answer's words.

    Args:
        reply: What the model said.
        label: What was read from it.

    Returns:
        From 0 to 1; `WITHOUT_PROBABILITIES` if the reply has none.
    """
    if not reply.tokens:
        return WITHOUT_PROBABILITIES
    spelling = _spelling(reply.tokens, label) or reply.tokens
    return math.exp(math.fsum(token.logprob for token in spelling))


def _spelling(tokens: tuple[Token, ...], label: str) -> tuple[Token, ...]:
    """The tokens that share a character with the last place where the label stands, in any case."""
    pieces = [token.text.lower() for token in tokens]
    start = "".join(pieces).rfind(label.lower())
    if start < 0:
        return ()
    end = start + len(label.lower())
    ends = list(accumulate(map(len, pieces)))
    return tuple(
        token
        for token, piece, stop in zip(tokens, pieces, ends, strict=True)
        if stop > start and stop - len(piece) < end and piece
    )
