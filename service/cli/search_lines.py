"""How an encoder version of a pool is searched, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from invariantselect.wire.pools import EncoderVersionInfo, SegmentInfo

__all__ = ["search_lines"]


def search_lines(version: EncoderVersionInfo) -> Iterator[str]:
    """A line for each segment that is searched approximately, or was to be; one where nothing can be said."""
    if version.segments is None:
        yield f"version {version.number}: its manifest can't be read; 'invariantselect doctor' says why"
        return
    for segment in version.segments:
        if segment.kind != "flat":
            yield f"version {version.number}: {_approximate(segment)}"
        elif segment.note:
            yield f"version {version.number}: {segment.count} vectors, {segment.note}"


def _approximate(segment: SegmentInfo) -> str:
    made = ", ".join(f"{name} {value}" for name, value in segment.parameters.items())
    depths = "; ".join(
        f"recall@{each.k} {each.recall:.3f} in {each.milliseconds:.2f} ms (exact {each.exact_milliseconds:.2f} ms)"
        for each in segment.recall
    )
    return f"{segment.count} vectors, {segment.kind} ({made}): {depths}"
