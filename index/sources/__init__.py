"""Where labelled images come from: a folder, a manifest, a saved dataset or an export, each read as records."""

from index.sources.opening import open_source
from index.sources.record import Ignored, Item, KnownVector, Record, Rejected, Source

__all__ = ["Ignored", "Item", "KnownVector", "Record", "Rejected", "Source", "open_source"]
