"""Losers made for good beside the winner: the same spaces, and no training twice."""

import numpy as np
from PIL import Image

from encoders.adaptation.adapt import adapt, adapt_every
from encoders.adaptation.depths import Head
from encoders.adaptation.examples import Examples
from encoders.adaptation.head import HeadOptions
from encoders.adaptation.plan import Plan
from encoders.normalise import l2_normalised

PLAN = Plan(depth="auto", head=HeadOptions(hidden=8, dim=4, steps=5))


def _no_image(place: int) -> Image.Image:
    raise AssertionError(f"image {place} was asked for, though no trunk is trained")


def _examples() -> Examples:
    rng = np.random.default_rng(0)
    labels, domains = np.arange(36) % 3, np.arange(36) // 12
    vectors = rng.standard_normal((36, 16)) + 2 * np.eye(16)[labels] + 3 * np.eye(16)[domains + 4]
    names = [f"domain {domain}" for domain in domains]
    return Examples(l2_normalised(vectors.astype(np.float32)), [f"{x}" for x in labels], names, [None] * 36, _no_image)


def test_every_contestant_has_its_space_and_the_winner_the_one_that_adapt_makes(monkeypatch):
    alone = adapt(_examples(), PLAN)
    finals = []
    final = Head.final
    monkeypatch.setattr(Head, "final", lambda self: finals.append(1) or final(self))
    adaptation, spaces = adapt_every(_examples(), PLAN)
    assert list(spaces) == ["frozen", "closed_form", "head", "head + closed_form"]
    assert [contestant.name for contestant in adaptation.contestants] == list(spaces)
    assert len(finals) == 1
    assert adaptation.winner.name == alone.winner.name
    assert np.array_equal(adaptation.space.vectors, alone.space.vectors)
    assert np.array_equal(spaces[alone.winner.name].vectors, alone.space.vectors)
    assert np.array_equal(spaces["frozen"].vectors, _examples().vectors)
    assert np.allclose(
        spaces["head + closed_form"].vectors,
        spaces["head + closed_form"].calibration.apply(_examples().vectors, _examples().domain_names),
        atol=1e-5,
    )
