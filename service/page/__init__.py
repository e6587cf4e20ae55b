"""The self-contained HTML page of a selection, a comparison or a shift report: with its pictures, in one file."""

from service.page.comparison_page import render_comparison
from service.page.query_view import QueryView
from service.page.selection_page import render_selection
from service.page.shift_page import render_shift
from service.page.thumbnail import Thumbnail, make_thumbnail

__all__ = ["QueryView", "Thumbnail", "make_thumbnail", "render_comparison", "render_selection", "render_shift"]
