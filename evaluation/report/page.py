"""Templates become the page: one HTML file that needs nothing else, no script, no font, no request to anywhere.

Ids, labels, domains and names are hostile: everything is escaped, and the page's own policy forbids scripts, foreign
resources and every style but the one it carries.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from evaluation.report import wording
from evaluation.report.charts.difference_bar import difference_bar
from evaluation.report.charts.swatch import swatch
from evaluation.report.contents import Difference
from evaluation.report.headline import sign
from evaluation.report.sections.calibration import reliability_charts
from evaluation.report.sections.confusion import matrices
from evaluation.report.sections.exhibits import MOST_DEMONSTRATIONS, exhibits_of
from evaluation.report.sections.folds import folds_by_learner
from evaluation.report.sections.maps import fold_map
from evaluation.report.sections.recalls import recall_tables
from evaluation.report.sections.shots import shots_charts
from evaluation.report.strategies import kinds_of_strategies, shown_name
from evaluation.report.whole import Report

__all__ = ["render_report"]


def render_report(report: Report, picture: Callable[[str], bytes | None] | None) -> str:
    """The page as text, to be written as UTF-8.

    Args:
        report: What it says.
        picture: Bytes of an image file by id; None for a page without pictures.
    """
    style = _read("style.css")
    contents = report.contents
    kinds = kinds_of_strategies(row.strategy for row in contents.rows)
    return (
        _environment()
        .get_template("report.html")
        .render(
            about=report.about,
            contents=contents,
            headline=report.headline,
            caveats=report.caveats,
            gallery=report.gallery,
            exhibits=[] if report.gallery is None else exhibits_of(report.gallery, kinds, picture),
            most_demonstrations=MOST_DEMONSTRATIONS,
            pictured=picture is not None,
            kinds=kinds,
            limit=_farthest(contents.differences),
            shots_charts=shots_charts(contents, kinds),
            folds=folds_by_learner(contents, kinds),
            matrices=matrices(contents, kinds),
            reliability=reliability_charts(contents, kinds),
            recalls=recall_tables(contents, kinds),
            maps=[fold_map(each) for each in report.maps],
            style=Markup(style),  # noqa: S704 – our own file, not the user's text
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        )
    )


def _farthest(differences: Sequence[Difference]) -> float:
    """How far from 0 an interval reaches; above 0."""
    ends = [abs(end) for each in differences for end in (each.found.accuracy.low, each.found.accuracy.high)]
    return max(ends, default=0.0) or 1.0


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=FunctionLoader(_read),
    )
    environment.filters |= {name: getattr(wording, name) for name in wording.__all__}
    environment.filters |= {"shown_name": shown_name, "sign": sign, "swatch": swatch}
    environment.globals |= {"difference_bar": difference_bar}
    return environment


@cache
def _read(name: str) -> str:
    return files("evaluation.report").joinpath("templates", name).read_text(encoding="utf-8")
