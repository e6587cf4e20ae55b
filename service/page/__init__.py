"""The self-contained HTML page of a selection: the query and its demonstrations as pictures, in one file."""

from service.page.selection_page import QueryView, render_selection
from service.page.thumbnail import Thumbnail, make_thumbnail

__all__ = ["QueryView", "Thumbnail", "make_thumbnail", "render_selection"]
