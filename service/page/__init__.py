"""The self-contained HTML page of a selection or a comparison: query and demonstrations as pictures, in one file."""

from service.page.comparison_page import render_comparison
from service.page.query_view import QueryView
from service.page.selection_page import render_selection
from service.page.thumbnail import Thumbnail, make_thumbnail

__all__ = ["QueryView", "Thumbnail", "make_thumbnail", "render_comparison", "render_selection"]
