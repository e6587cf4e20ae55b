"""Records on disk, resumption, and the pages made of them."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.cell import Cell
from benchmarks.quality.command import seconds_of
from benchmarks.quality.page import parts_of, put, write_page
from benchmarks.quality.record import read_record, write_record
from benchmarks.quality.rows import CENTRED
from benchmarks.quality.schedule import run_cells
from benchmarks.quality.summary import FIGURES, Summary
from benchmarks.quality.tables import domain_table, mean_table
from tests.benchmarks.records import record

ART, PHOTO = (Cell("leave_one_domain_out", "pacs", domain) for domain in ("art", "photo"))


def test_a_record_comes_back_as_it_was_written(tmp_path):
    written = record(ART, [0, 1, 11], {"auto": [0, -1, 11]})
    write_record(written, tmp_path)
    read = read_record(ART.path(tmp_path))
    assert (read.cell, read.classes, read.facts) == (ART, ("cat", "dog"), written.facts)
    assert read.labels.tolist() == [0, 1, 11]
    assert read.rows["auto"].classes.tolist() == [0, -1, 11]
    assert read.rows["auto"].hits.tolist() == [7, 0, 7]


def test_a_run_that_was_cut_off_goes_on_where_it_was(tmp_path):
    cells = [ART, PHOTO, replace(ART, seed=1)]
    ran: list[str] = []

    def run(cell: Cell) -> bool:
        ran.append(cell.name)
        if len(ran) == 2:  # dies without a file
            return False
        write_record(record(cell, [0], {"auto": [0]}), tmp_path)
        return True

    said: list[str] = []
    assert run_cells(cells, tmp_path, run=run, say=said.append) == [PHOTO]
    assert run_cells(cells, tmp_path, run=run, say=said.append) == []
    assert ran == ["pacs-art-seed0", "pacs-photo-seed0", "pacs-art-seed1", "pacs-photo-seed0"]
    assert run_cells(cells, tmp_path, run=run, say=said.append, again=True) == []
    assert ran[4:] == [cell.name for cell in cells]


def test_cells_run_beside_each_other(tmp_path):
    both = threading.Barrier(2, timeout=30)  # nobody passes it alone
    assert run_cells([ART, PHOTO], tmp_path, run=lambda _: both.wait() >= 0, say=lambda _: None, at_once=2) == []


def test_the_time_left_is_told_from_the_cells_that_ran(tmp_path):
    moments = iter([0.0, 600.0, 1200.0])
    said: list[str] = []
    run_cells([ART, PHOTO], tmp_path, run=lambda _: True, say=said.append, clock=lambda: next(moments))
    assert said[2].endswith("about 10 min left")


def test_a_set_is_averaged_over_seeds_and_then_over_domains():
    records = [
        record(ART, [0, 0, 0, 1], {"auto": [0, 0, 0, 0]}),
        record(replace(ART, seed=1), [0, 0, 0, 1], {"auto": [0, 0, 1, 1]}),
        record(PHOTO, [0, 1], {"auto": [1, 0]}),
        record(replace(PHOTO, seed=1), [0, 1], {"auto": [0, 1]}),
    ]
    summary = Summary(records)
    assert summary.mean("auto", "accuracy").value == (3 / 4 + 1 / 2) / 2
    assert summary.mean("auto", "macro accuracy").value == ((5 / 6 + 1 / 2) / 2 + 1 / 2) / 2
    assert summary.of("photo", "auto", FIGURES[2]).value == 1 / 2
    assert (summary.seeds, summary.missing) == (2, [])


def test_a_row_that_a_domain_lacks_has_no_mean():
    summary = Summary([record(ART, [0], {"auto": [0], "finetune": [0]}), record(PHOTO, [0], {"auto": [0]})])
    assert (summary.rows, summary.partial) == (["auto"], ["finetune"])
    assert "finetune" in domain_table(summary, "accuracy")
    everywhere = [replace(each, cell=replace(each.cell, domain="art")) for each in summary.records]
    assert "finetune" not in domain_table(Summary(everywhere), "accuracy")
    assert summary.of("photo", "finetune", "accuracy") is None
    assert summary.of("art", "finetune", "accuracy").value == 1.0


def test_the_table_says_what_was_asked_for_and_what_was_reached():
    rows = {"closed_form": [0, 1, 0, 0], f"auto{CENTRED}": [0, 1, 0, 1]}
    table = mean_table("pacs", Summary([record(cell, [0, 1, 0, 1], rows) for cell in (ART, PHOTO)])).splitlines()
    assert table[0] == "| row | accuracy | macro accuracy | precision@7 | target (accuracy) |"
    assert table[2].startswith("| closed_form | .750 (")
    assert table[2].endswith("| ≥ 0.73: reached |")
    assert "1.000 (1.000–1.000) | ≥ 0.84: reached |" in table[3]
    # With a domain missing there is nothing to compare yet.
    assert "≥" not in mean_table("pacs", Summary([record(ART, [0, 1, 0, 1], rows)]))


def test_pages_are_written_between_their_markers_and_nowhere_else(tmp_path):
    (tmp_path / "docs").mkdir()
    page = "before\n<!-- {0}:begin -->\nold\n<!-- {0}:end -->\nafter\n"
    (tmp_path / "README.md").write_text(page.format("quality-short"), encoding="utf-8")
    (tmp_path / "docs" / "quality.md").write_text(page.format("quality"), encoding="utf-8")
    write_record(record(ART, [0, 1], {"auto": [0, 1]}), tmp_path)
    write_page(tmp_path, root=tmp_path)
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert readme.startswith(
        "before\n<!-- quality-short:begin -->\n| mean over domains | pacs, accuracy (1 of 2 domains) |"
    )
    assert readme.endswith("<!-- quality-short:end -->\nafter\n")
    assert "Not measured yet: photo." in (tmp_path / "docs" / "quality.md").read_text(encoding="utf-8")
    assert put("no markers", "quality", "text") == "no markers"
    assert "quality-target-pool" not in parts_of(tmp_path)


def test_minutes_say_when_trainings_were_gone_on_with(tmp_path):
    for cell, resumed in ((ART, True), (PHOTO, False)):
        made = record(cell, [0, 1], {"random": [0, 0]})
        write_record(replace(made, facts={**made.facts, "resumed": resumed}), tmp_path)
    text = parts_of(tmp_path)["quality-short"]
    assert "2 minutes in all without the trainings of 1 cells, which went on" in text


RUN = {"resumed": False, "seconds": 600.0}


@pytest.mark.parametrize(
    ("last", "told"),
    [
        ({"finished": "2026-11-28T10:20:00+00:00"}, True),
        ({"finished": "2026-11-28T11:20:00+00:00"}, False),  # an hour's pause
        ({"finished": "2026-11-28T10:20:00+00:00", "resumed": True}, False),
        (None, False),  # a domain is missing
    ],
)
def test_a_seed_that_was_run_in_one_go_is_told_with_its_minutes(tmp_path, last, told):
    first = RUN | {"finished": "2026-11-28T10:10:00+00:00", "seconds": 900.0}
    for cell, facts in ((ART, first), (PHOTO, RUN | (last or {}))):
        if facts != RUN:
            made = record(cell, [0, 1], {"random": [0, 0]})
            write_record(replace(made, facts=made.facts | facts), tmp_path)
    begins = "Seed 0 took 25 minutes in one go, with no vector and no training there before."
    assert (begins in parts_of(tmp_path)["quality-short"]) is told


def test_answers_without_a_class_are_wrong():
    summary = Summary([record(ART, [0, 1], {"auto": [-1, 1]})])
    assert np.isclose(summary.mean("auto", "accuracy").value, 0.5)


def test_budgets_are_written_as_people_write_them():
    assert [seconds_of(text) for text in ("90s", "6m", "1.5h", "45")] == [90, 360, 5400, 45]
