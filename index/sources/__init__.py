"""Where labelled images come from: a folder, a manifest, a saved or published dataset or an export, read as records."""

from index.sources.opening import SourceFormat, open_source
from index.sources.record import Ignored, Item, KnownVector, Record, Rejected, Source

__all__ = ["Ignored", "Item", "KnownVector", "Record", "Rejected", "Source", "SourceFormat", "open_source"]
