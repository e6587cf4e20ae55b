"""The tables of what each depth costs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.quality.record import Record
from benchmarks.quality.tables import markdown

__all__ = ["loop_table", "sizes_table"]

_NAMES = {
    "fit": "closed form, one fit",
    "closed_form": "`--depth closed_form`, validation in it",
    "head": "`--depth head`, validation in it",
}


def sizes_table(records: Sequence[Record]) -> str:
    """Seconds and memory of closed form and head, by the number of vectors."""
    there = {record.cell.variant: record for record in records}
    counts = sorted({int(name.rpartition("_")[2]) for name in there})
    rows = []
    for what, told in _NAMES.items():
        for count in counts:
            if record := there.get(f"{what}_{count}"):
                cost = record.facts["cost"]
                memory = (f"{cost[name]:,.0f}" for name in ("before_mb", "peak_mb"))
                rows.append([told, f"{int(cost['images']):,}", f"{cost['seconds']:.1f}", *memory])
    return markdown(["what", "vectors × 1280", "seconds", "MB before", "MB at its peak"], rows)


def loop_table(records: Sequence[Record]) -> str:
    """What fine-tuning costs on real images, and the training loop against a bare one; empty without a record."""
    costs = [(record.cell, record.facts["cost"]) for record in records if record.cell.variant.startswith("finetune_")]
    rows = [
        [
            cell.images,
            f"{int(cost['images']):,}",
            f"{cost['activations_seconds']:.0f} s, {cost['activations_mb']:,.0f} MB",
            f"{cost['seconds_a_step']:.2f}",
            f"{cost['images_a_second']:.0f}",
            f"{cost['bare_images_a_second']:.0f}",
            f"{cost['of_bare']:.2f}",
            f"{cost['peak_mb']:,.0f}",
        ]
        for cell, cost in costs
    ]
    head = ["images of", "how many", "activations", "s a step", "images/s", "bare loop", "ratio", "MB at its peak"]
    return markdown(head, rows) if rows else ""
