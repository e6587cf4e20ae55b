"""Colours and shapes: each kind its own, and legible for everybody."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

from evaluation.report.kinds import HUES, REST, kinds_of
from evaluation.report.sections.confusion import SHADES
from evaluation.report.strategies import by_preference, kinds_of_strategies

STYLE = files("evaluation.report").joinpath("templates", "style.css").read_text(encoding="utf-8")
LIGHT, DARK = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
# Viénot, Brettel and Mollon 1999 in the linear form of Machado, Oliveira and Fernandes 2009, full severity.
SIGHTS = {
    "all three cones": np.eye(3),
    "without green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "without red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
}


def colours(scheme: str) -> dict[str, np.ndarray]:
    """Every colour that a scheme defines, in linear light."""
    found: dict[str, str] = dict(re.findall(r"--([\w-]+): #([0-9a-f]{6})", scheme))
    steps = {name: np.array([int(value[at : at + 2], 16) / 255 for at in (0, 2, 4)]) for name, value in found.items()}
    return {
        name: np.where(step <= 0.04045, step / 12.92, ((step + 0.055) / 1.055) ** 2.4) for name, step in steps.items()
    }


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """Of WCAG 2."""
    lights = sorted(float(colour @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def oklab(colour: np.ndarray) -> np.ndarray:
    cones = np.array(
        [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
         [0.0883024619, 0.2817188376, 0.6299787005]]
    ) @ colour.clip(0)  # fmt: skip
    return np.array(
        [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
         [0.0259040371, 0.7827717662, -0.8086757660]]
    ) @ np.cbrt(cones)  # fmt: skip


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_and_marks_stand_out(scheme: str) -> None:
    there = colours(scheme)
    papers = ["paper", "card", "frame", *(f"shade-{number}" for number in range(1, SHADES))]
    assert all(contrast(there["ink"], there[paper]) >= 4.5 for paper in papers)
    assert all(contrast(there["soft"], there[paper]) >= 4.5 for paper in ("paper", "card", "frame"))
    assert all(contrast(there[name], there[f"{name}-paper"]) >= 4.5 for name in ("good", "bad", "even"))
    assert all(contrast(there[name], there["card"]) >= 4.5 for name in ("good", "bad"))
    hues = [*map(str, range(HUES)), REST]
    assert [hue for hue in hues if contrast(there[f"hue-{hue}"], there["card"]) < 3] == []


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("sight", SIGHTS)
def test_hues_stay_apart_for_who_lacks_a_cone(scheme: str, sight: str) -> None:
    there = colours(scheme)
    seen = [oklab(SIGHTS[sight] @ there[f"hue-{number}"]) for number in range(HUES)]
    assert min(float(np.linalg.norm(one - other)) for one, other in combinations(seen, 2)) >= 0.1


def test_each_kind_has_a_colour_and_shape_of_its_own_and_the_rare_share_one() -> None:
    values = [f"class {number}" for number in range(30) for _ in range(31 - number)]
    kinds = kinds_of([*values, None])
    own = [kinds[f"class {number}"] for number in range(24)]
    assert len({(kind.hue, kind.shape) for kind in own}) == 24
    assert kinds["class 0"].count == 31
    assert {kinds[f"class {number}"].name for number in range(24, 30)} == {"6 others"}
    assert kinds["class 29"].count == sum(31 - number for number in range(24, 30))
    assert (kinds[None].name, kinds[None].hue, kinds[None].count) == ("not known", REST, 1)


def test_strategies_have_one_order_and_one_look() -> None:
    assert by_preference(["none", "zeta", "random", "invariant_select", "alpha"]) == [
        "invariant_select", "random", "alpha", "zeta", "none",
    ]  # fmt: skip
    alone, among = kinds_of_strategies(["random"]), kinds_of_strategies(["random", "alpha", "none"])
    assert alone["random"] == among["random"]
    assert len({(kind.hue, kind.shape) for kind in among.values()}) == len(among)
