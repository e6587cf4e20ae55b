"""A shift report as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from evaluation.shift.abstention import points_at
from evaluation.shift.nearness import QUANTILES, Nearness
from service.page.rendering import render
from service.page.thumbnail import Thumbnail
from service.shift.sentences import abstention_sentence, distribution_sentence
from service.shift.shifting import BatchShift

__all__ = ["render_shift"]

_POINTS = 100
_MEDIAN = QUANTILES.index(0.5)
_HEIGHT = 50  # of the curve's drawing, whose width is 100


@dataclass(frozen=True)
class _Bar:
    kind: str
    x: float
    width: float
    y: int
    height: int


@dataclass(frozen=True)
class _Row:
    domain: str
    share: float
    median: float
    usual: float | None
    bars: list[_Bar]


@dataclass(frozen=True)
class _Card:
    name: str
    familiarity: float
    agreement: float
    answered: bool | None
    thumbnail: Thumbnail | None
    fill: float


def render_shift(shift: BatchShift, thumbnails: Mapping[str, Thumbnail], *, least: int) -> str:
    """The page of a shift report; see `service.page.rendering`.

    Args:
        shift: The report.
        thumbnails: Pictures by image name; one that is missing gets a placeholder.
        least: How many of the least familiar images are shown.
    """
    report = shift.report
    low = min((value for near in report.domains for value in (*near.similarity, *(near.own or ()))), default=0.0)
    points = [(100 * point.coverage, _HEIGHT * (1 - point.accuracy)) for point in points_at(report.curve, _POINTS)]
    return render(
        "shift.html",
        pool=shift.pool,
        snapshot=shift.snapshot,
        encoder=shift.encoder,
        demonstrations=shift.demonstrations,
        queries=report.queries,
        left_out=shift.left_out,
        asked=[("accuracy", f"{shift.accuracy:g}"), ("k", str(shift.k))],
        distribution=distribution_sentence(shift),
        abstention=abstention_sentence(shift),
        low=low,
        rows=[_row(near, low) for near in report.domains],
        curve=" ".join(f"{x:.2f},{y:.2f}" for x, y in points),
        wanted_y=round(_HEIGHT * (1 - shift.accuracy), 2),
        threshold_x=None if report.threshold is None else round(100 * report.threshold.coverage, 2),
        cards=[_card(shift, place, thumbnails) for place in shift.least_familiar()[:least]],
    )


def _row(near: Nearness, low: float) -> _Row:
    bars = _bars("batch", near.similarity, low, top=2)
    if near.own is not None:
        bars += _bars("usual", near.own, low, top=13)
    usual = None if near.own is None else near.own[_MEDIAN]
    return _Row(near.domain, near.share, near.similarity[_MEDIAN], usual, bars)


def _bars(kind: str, values: tuple[float, ...], low: float, *, top: int) -> list[_Bar]:
    """The outer and the inner quantiles as two bars on a scale from `low` to 1."""
    places = [100 * (value - low) / max(1.0 - low, 1e-9) for value in values]
    outer = (kind, places[0], places[-1])
    inner = (f"{kind} middle", places[1], places[-2])
    return [_Bar(name, round(start, 2), round(max(end - start, 0.5), 2), top, 7) for name, start, end in (outer, inner)]


def _card(shift: BatchShift, place: int, thumbnails: Mapping[str, Thumbnail]) -> _Card:
    name, familiarity = shift.names[place], float(shift.report.familiarity[place])
    fill = round(100 * min(1.0, max(0.0, familiarity)), 1)
    agreement = float(shift.report.agreement[place])
    return _Card(name, familiarity, agreement, shift.is_answered(place), thumbnails.get(name), fill)
