"""Compiling is tried where it can pay, paid once, and changes no numbers."""

from __future__ import annotations

from functools import partialmethod
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter

from encoders.adaptation.compiling import Pace, compiler_there, compiling_pays
from encoders.adaptation.finetune_depth import Finetune
from encoders.adaptation.finetune_options import FinetuneOptions
from encoders.adaptation.plan import Plan
from encoders.adaptation.watch import SILENT
from tests.encoders.adaptation.test_adapt import pool_of
from tests.encoders.adaptation.towers import tower_of
from tests.encoders.adaptation.toy import training_of


def made(folder: Path | None) -> Finetune:
    plan = Plan()
    return Finetune(
        tower_of("transformer"),
        pool_of("clear", 2),
        plan.objective,
        FinetuneOptions(),
        plan.augmentation,
        seed=0,
        device="cpu",
        folder=folder,
        watch=SILENT,
    )


@pytest.mark.parametrize(
    ("each", "pays"),
    [(0.5, True), (0.93, True), (0.95, False), (1.0, False), (1.2, False)],  # 60 s of compiling, 1000 s of training
)
def test_it_pays_where_steps_save_more_than_it_takes(each: float, pays: bool) -> None:
    found = compiling_pays(200, 5, plain=lambda: Pace(2.0, 1.0), compiled=lambda: Pace(60.0, each))
    assert found == pays


def test_where_little_can_be_saved_it_isn_t_tried() -> None:
    def compiled() -> Pace:
        raise AssertionError("it was tried")

    assert not compiling_pays(400, 5, plain=lambda: Pace(1.0, 0.02), compiled=compiled)


def test_the_cpu_isn_t_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = made(None)
    depth.steps = 10**9
    monkeypatch.setattr(Finetune, "_tried", lambda *_: pytest.fail("it was measured"))
    depth.settle_compiling(5)
    assert not depth.compiled


@pytest.mark.parametrize(
    ("there", "asked", "found"),
    [("gcc", "", True), ("clang", "", True), ("tcc", "", False), ("tcc", "tcc", True), ("gcc", "tcc", False)],
)
def test_a_c_compiler_is_found_as_triton_finds_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, there: str, asked: str, found: bool
) -> None:
    (tmp_path / there).write_text("#!/bin/sh\n")
    (tmp_path / there).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", asked)
    assert compiler_there() == found


def test_the_numbers_stay_and_further_trainings_find_it_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = CompileCounter()
    monkeypatch.setattr(nn.Module, "compile", partialmethod(nn.Module.compile, backend=counter))
    plain = training_of(steps=5).run().state_dict()
    for seed in (1, 2, 0):
        compiled = training_of(steps=5, compiled=True, seed=seed).run().state_dict()
    assert counter.frame_count == 1
    for name, value in plain.items():
        torch.testing.assert_close(compiled[name], value, rtol=1e-4, atol=1e-5, msg=name)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("full"), RuntimeError("no Python.h"), OSError("no driver")])
def test_a_compiler_that_fails_costs_nothing_else(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trials = []

    def tried(depth: Finetune, compiled: bool = False) -> Pace:
        trials.append(compiled)
        if compiled:
            raise error
        return Pace(1.0, 10.0)

    monkeypatch.setattr(Finetune, "_tried", tried)
    monkeypatch.setattr("encoders.adaptation.finetune_depth.compiler_there", lambda: True)
    for _ in range(2):  # whoever goes on doesn't try again
        depth = made(tmp_path)
        depth._device = "cuda:0"
        depth.steps = 1000
        depth.settle_compiling(5)
        assert not depth.compiled
    assert trials == [False, True]
    assert str(error) in caplog.text
