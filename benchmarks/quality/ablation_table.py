"""The table of the ablation: what each factor is worth, as the difference from the default on the same queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64

from benchmarks.quality.bootstrap import Estimate, Sample, estimate
from benchmarks.quality.record import Record
from benchmarks.quality.rows import CENTRED
from benchmarks.quality.tables import markdown
from benchmarks.quality.targets import FIGURE_OF
from benchmarks.quality.variants import VARIANTS

__all__ = ["ablation_table"]

_PLAIN = "finetune"
_BEHIND = {f"{_PLAIN} + closed_form": "closed form", f"{_PLAIN} + closed_form{CENTRED}": "closed form, queries centred"}

# By variant, domain (as set/domain) and seed.
Found = Mapping[str, Mapping[str, Mapping[int, Record]]]


def ablation_table(records: Sequence[Record]) -> str:
    """Every variant's change, in the figure that each set is judged by; only domains whose default was measured."""
    found: dict[str, dict[str, dict[int, Record]]] = {}
    for record in records:
        place = f"{record.cell.images}/{record.cell.domain}"
        found.setdefault(record.cell.variant, {}).setdefault(place, {})[record.cell.seed] = record
    places = sorted(found.get("default", {}))
    heads = [f"{place}, {_figure(found['default'][place])}" for place in places]
    rows = [_row(name, found, places) for name in VARIANTS if name in found]
    rows[:1] = [*rows[:1], *(_composed(found, row, places) for row in _BEHIND)]
    return markdown(["factor", "changed to", *heads, "mean change", "s a step"], rows)


def _row(name: str, found: Found, places: Sequence[str]) -> list[str]:
    variant = VARIANTS[name]
    seconds = [_seconds_a_step(record) for place in found[name].values() for record in place.values()]
    return [variant.factor, variant.value, *_cells(name, _PLAIN, found, places), f"{np.median(seconds):.2f}"]


def _composed(found: Found, row: str, places: Sequence[str]) -> list[str]:
    return ["composition", _BEHIND[row], *_cells("default", row, found, places), ""]


def _cells(name: str, row: str, found: Found, places: Sequence[str]) -> list[str]:
    """The figure itself for the default, else the change; of each domain, and of their mean."""
    if name == "default" and row == _PLAIN:
        return [_told(_estimate(_samples(found, name, row, [place])), signed=False) for place in places] + [""]
    there = [place for place in places if place in found[name]]
    changes = {place: _told(_estimate(_samples(found, name, row, [place]))) for place in there}
    return [
        *(changes.get(place, "–") for place in places),
        _told(_estimate(_samples(found, name, row, there))) if there else "–",
    ]


def _samples(found: Found, name: str, row: str, places: Sequence[str]) -> list[Sample]:
    """One sample a domain, averaged over the seeds that both have; what the default's queries were worth taken away."""
    samples = []
    for place in places:
        mine, default = found[name][place], found["default"][place]
        seeds = sorted(mine.keys() & default.keys())
        worths = [_worth(mine[seed], row) for seed in seeds]
        if (name, row) != ("default", _PLAIN):
            worths = [worth - _worth(default[seed], _PLAIN) for worth, seed in zip(worths, seeds, strict=True)]
        labels, macro = default[seeds[0]].labels, _figure(default) == "macro accuracy"
        samples.append(Sample(labels, np.mean(worths, axis=0), macro))
    return samples


def _estimate(samples: Sequence[Sample]) -> Estimate:
    return estimate([[sample] for sample in samples])


def _worth(record: Record, row: str) -> Float64[np.ndarray, " queries"]:
    right: Float64[np.ndarray, " queries"] = (record.rows[row].classes == record.labels).astype(np.float64)
    return right


def _figure(records: Mapping[int, Record]) -> str:
    return FIGURE_OF.get(next(iter(records.values())).cell.images, "accuracy")


def _seconds_a_step(record: Record) -> float:
    phase = record.facts["phases"]["fine-tuning, all domains"]
    return float(phase["seconds"]) / max(1, int(phase["steps"]))


def _told(each: Estimate, *, signed: bool = True) -> str:
    """`+.012 (−.003 to +.027)`, or `.734 (.712–.755)`."""
    if not signed:
        value, low, high = (f"{number:.3f}".removeprefix("0") for number in (each.value, each.low, each.high))
        return f"{value} ({low}–{high})"
    value, low, high = (_signed(number) for number in (each.value, each.low, each.high))
    return f"{value} ({low} to {high})"


def _signed(number: float) -> str:
    return f"{number:+.3f}".replace("0.", ".", 1).replace("-", "−")
