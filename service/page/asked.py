"""The options of a selection as a page tells them."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from invariantselect.wire import SelectionOptions

__all__ = ["asked"]


def asked(options: SelectionOptions, always: Sequence[str], never: Collection[str] = ()) -> list[tuple[str, str]]:
    """The options as names and values: some always, the others where they differ from the default.

    Args:
        options: What was asked for.
        always: Names that come first.
        never: Names that are told elsewhere.
    """
    given = options.model_dump(mode="json", by_alias=True)
    default = SelectionOptions().model_dump(mode="json", by_alias=True)
    changed = [name for name in default if name not in {*always, *never} and given[name] != default[name]]
    return [
        (name, given[name] if isinstance(given[name], str) else json.dumps(given[name], ensure_ascii=False))
        for name in [*always, *changed]
    ]
