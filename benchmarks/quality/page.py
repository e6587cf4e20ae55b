"""The records become docs/quality.md and the README's table: nobody types a number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.quality.ablation_table import ablation_table
from benchmarks.quality.cell import Protocol
from benchmarks.quality.record import Record
from benchmarks.quality.sizes_table import loop_table, sizes_table
from benchmarks.quality.summary import FIGURES, Summary, read_all
from benchmarks.quality.tables import cost_table, domain_table, mean_table, short_table
from benchmarks.quality.whole_runs import whole_runs
from benchmarks.report import ROOT

__all__ = ["parts_of", "put", "summaries", "write_page"]


def summaries(results: Path, protocol: Protocol) -> dict[str, Summary]:
    """What is there, by set."""
    records = read_all(results, protocol)
    return {
        name: Summary([record for record in records if record.cell.images == name])
        for name in sorted({record.cell.images for record in records})
    }


def parts_of(results: Path) -> dict[str, str]:
    """The text of each part of the page that there are records for, by the name of its markers."""
    parts = {}
    if left_out := summaries(results, "leave_one_domain_out"):
        parts["quality-short"] = f"{short_table(left_out)}\n\n{_how(left_out)}"
        parts["quality"] = f"{_sets(left_out)}\n\n{_how(left_out)}"
        parts["quality-domain"] = cost_table(left_out)
    if labelled := summaries(results, "target_pool"):
        parts["quality-target-pool"] = f"{_sets(labelled)}\n\n{_how(labelled)}"
        parts["quality-domain-given"] = cost_table(labelled)
    if ablated := read_all(results, "ablation"):
        parts["quality-ablation"] = f"{ablation_table(ablated)}\n\n{_ablated_how(ablated)}"
    if sized := read_all(results, "sizes"):
        tables = [table for table in (sizes_table(sized), loop_table(sized)) if table]
        parts["quality-sizes"] = "\n\n".join([*tables, f"{_where(sized)}."])
    return parts


def write_page(results: Path, *, root: Path = ROOT) -> None:
    """Put every part between its markers, wherever a page has them.

    Args:
        results: Of the records.
        root: Of the repository.
    """
    for path in (root / "README.md", root / "docs" / "quality.md"):
        page = path.read_text(encoding="utf-8")
        for name, text in parts_of(results).items():
            page = put(page, name, text)
        path.write_text(page, encoding="utf-8")


def put(page: str, name: str, text: str) -> str:
    """The page with a text between the markers of a name; as it was where it has none."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    return pattern.sub(lambda _: f"{begin}\n{text}\n{end}", page)


def _sets(found: Mapping[str, Summary]) -> str:
    parts = []
    for name, summary in found.items():
        parts += [f"### {name}", f"Mean over {', '.join(summary.domains)}.", mean_table(name, summary)]
        if summary.missing:
            parts.append(f"Not measured yet: {', '.join(summary.missing)}.")
        parts += [domain_table(summary, figure) for figure in FIGURES]
    return "\n\n".join(parts)


def _how(found: Mapping[str, Summary]) -> str:
    records = [record for summary in found.values() for record in summary.records]
    lengths = sorted({_length(record.facts["options"]) for record in records})
    seeds = min(summary.seeds for summary in found.values())
    minutes = sum(record.facts["seconds"] / record.facts["options"]["at_once"] for record in records) / 60
    took = f"{minutes:.0f} minutes in all"
    if resumed := sum(record.facts.get("resumed", False) for record in records):
        took += f" without the trainings of {resumed} cells, which went on from the checkpoints of an earlier run"
    whole = "".join(f"{each}. " for each in whole_runs([summary.records for summary in found.values()]))
    return (
        f"7 neighbours, similarity-weighted vote; 95 % bootstrap intervals over queries; {seeds} seed(s); "
        f"{' or '.join(lengths)}, {took}. {whole}"
        f"{_where(records)}."
    )


def _ablated_how(records: Sequence[Record]) -> str:
    steps = sorted({str(record.facts["options"]["steps"]) for record in records})
    seeds = sorted({record.cell.seed for record in records})
    return (
        f"{' or '.join(steps)} steps of each training; {len(seeds)} seed(s); 95 % bootstrap intervals over queries, of "
        f"differences on the same queries. {_where(records)}."
    )


def _length(options: Mapping[str, Any]) -> str:
    if options["steps"] is None:
        return f"a budget of {options['budget'] / 60:g} minutes an adaptation"
    return f"{options['steps']} steps a fine-tuning"


def _where(records: Sequence[Record]) -> str:
    machines = sorted({record.facts["machine"] for record in records})
    commits = sorted({record.facts["commit"] for record in records})
    return f"{'; '.join(machines)}; commit {', '.join(commits)}"
