"""Every chart against coordinates worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.report.charts.difference_bar import difference_bar
from evaluation.report.charts.drawing import drawing
from evaluation.report.charts.element import element, number, text
from evaluation.report.charts.marks import SHAPES, mark, marks
from evaluation.report.charts.reliability import reliability
from evaluation.report.charts.scatter import scatter
from evaluation.report.charts.share_bar import share_bar
from evaluation.report.charts.shots_lines import ShotsLine, shots_lines
from evaluation.report.kinds import Kind
from evaluation.statistics.bootstrap import Estimate
from evaluation.statistics.calibration import reliability_bins
from tests.evaluation.report.charts.drawn import classed, numbers, tree

KIND = Kind("ours", "0", "dot")


def test_everything_in_an_element_is_escaped() -> None:
    hostile = """<script>"'&"""
    drawn = element("g", text(hostile, x=1.0), aria_label=hostile)
    assert "<script" not in drawn
    assert tree(drawn).get("aria-label") == hostile
    assert tree(drawn)[0].text == hostile


@pytest.mark.parametrize(
    ("value", "written"), [(3.0, "3"), (-0.001, "0"), (0.126, "0.13"), (-1.5, "-1.5"), (100.0, "100")]
)
def test_coordinates_are_short(value: float, written: str) -> None:
    assert number(value) == written


def test_a_chart_says_what_it_shows_or_is_passed_over() -> None:
    assert tree(drawing(10.0, 5.0, "three bars")).attrib == {
        "viewBox": "0 0 10 5",
        "role": "img",
        "aria-label": "three bars",
    }
    assert tree(drawing(10.0, 5.0, "")).get("aria-hidden") == "true"


def test_shapes_are_drawn_around_their_point_and_differ() -> None:
    assert mark("dot", 10.0, 20.0, 2.0) == "M10 20m-2 0a2 2 0 1 0 4 0a2 2 0 1 0 -4 0z"
    assert mark("square", 10.0, 20.0, 2.0) == "M10 20m-1.7 -1.7l3.4 0l0 3.4l-3.4 0z"
    assert marks("square", [(1.0, 2.0), (3.04, 4.06)], 2.0) == (
        "M1 2m-1.7 -1.7l3.4 0l0 3.4l-3.4 0zM3 4.1m-1.7 -1.7l3.4 0l0 3.4l-3.4 0z"
    )
    assert len({mark(shape, 0.0, 0.0, 3.0) for shape in SHAPES}) == len(SHAPES) == 6


def test_a_share_is_as_long_as_it_is_large() -> None:
    root = tree(share_bar(Estimate(0.5, 0.4, 0.75), "1"))
    (bar,) = classed(root, "bar")
    assert bar.get("width") == "100"
    assert "hue-1" in bar.get("class", "")
    (reach,) = classed(root, "reach")
    assert reach.get("d") == "M80 7H150M80 4v6M150 4v6"


@pytest.mark.parametrize(("low", "filled"), [(0.05, "solid"), (-0.05, "hollow")])
def test_a_difference_lies_beside_0_and_is_hollow_where_its_interval_holds_0(low: float, filled: str) -> None:
    root = tree(difference_bar(Estimate(0.1, low, 0.2), 0.2))
    (axis,) = classed(root, "axis")
    assert axis.get("x1") == "70"
    (reach,) = classed(root, "reach")
    assert reach.get("d") == f"M{number(70 + 64 * low / 0.2)} 9H134"
    (dot,) = classed(root, filled)
    assert numbers(dot.get("d", ""))[:2] == [102.0, 9.0]


def test_lines_bands_and_marks_lie_at_their_shots_and_accuracies() -> None:
    points = ((0, Estimate(0.3, 0.2, 0.4)), (7, Estimate(0.7, 0.6, 0.8)))
    root = tree(shots_lines([ShotsLine(KIND, points)], "rising"))

    # Values 0.2 to 0.8 are marked in steps of 0.2, so the axis goes from 0.2 to 1; across it is 0 to 7 on 54 to 342.
    def up(value: float) -> float:
        return 212 - (value - 0.2) / 0.8 * 202

    (line,) = classed(root, "line")
    assert numbers(line.get("d", "")) == pytest.approx([54, up(0.3), 342, up(0.7)], abs=0.006)
    (band,) = classed(root, "band")
    expected = [54, up(0.4), 342, up(0.8), 342, up(0.6), 54, up(0.2)]
    assert numbers(band.get("d", "")) == pytest.approx(expected, abs=0.006)
    words = [each.text for each in classed(root, "tick")]
    assert words == ["20 %", "40 %", "60 %", "80 %", "100 %", "0", "7", "shots"]


def test_one_number_of_shots_has_a_whisker_for_a_band() -> None:
    root = tree(shots_lines([ShotsLine(KIND, ((3, Estimate(0.5, 0.5, 0.5)),))], "one point"))
    assert classed(root, "band") == []
    (whisker,) = classed(root, "whisker")
    x, top, bottom = numbers(whisker.get("d", ""))
    assert (x, top) == (342, bottom)


def test_shots_that_are_close_together_have_room() -> None:
    points = tuple((count, Estimate(0.5, 0.4, 0.6)) for count in (0, 1, 2, 4, 8, 16, 32))
    root = tree(shots_lines([ShotsLine(KIND, points)], ""))
    told = [each.text for each in classed(root, "tick") if (each.text or "").isdigit()]
    assert told == ["0", "2", "4", "8", "16", "32"]


def test_a_bin_lies_at_its_confidence_and_accuracy_and_is_as_large_as_its_share() -> None:
    confidence = np.array([0.25, 0.25, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75])
    right = np.array([True, False] + [True] * 6)
    root = tree(reliability(reliability_bins(confidence, right), KIND, "bins"))
    few, many = (numbers(each.get("d", "")) for each in classed(root, "mark"))
    assert few[:2] == [92.5, 110.0]
    assert many[:2] == [197.5, 8.0]
    assert (many[-7] / few[-7]) ** 2 == pytest.approx(6 / 2, rel=0.01)
    assert [each.get("d") for each in classed(root, "gap")] == ["M92.5 110V161", "M197.5 8V59"]


def test_images_lie_at_their_places_queries_over_demonstrations() -> None:
    common, rare = Kind("common", "0", "dot", 2), Kind("rare", "1", "square", 1)
    places = np.array([[0, 0], [-2, 2], [1, -1]], dtype=np.float32)
    root = tree(scatter(places, [common, rare, common], np.array([False, False, True]), 2.0, "map"))
    assert [each.get("class") for each in root] == ["shown hue-0", "shown hue-1", "asks hue-0"]
    assert [numbers(each.get("d", ""))[:2] for each in root] == [[180, 180], [10, 10], [265, 265]]
