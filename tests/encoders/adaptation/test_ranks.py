"""Two processes that share a training learn what one learns, and none waits for one that has ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from encoders.adaptation import finetune
from tests.encoders.adaptation import failing_ranks, shared_cases
from tests.encoders.adaptation.shared_cases import STEPS, gone_on, gradients, interrupted, trainings, weights
from tests.encoders.adaptation.start_ranks import ended, started
from tests.encoders.adaptation.toy import training_of

CASES = trainings()
Tensors = Mapping[str, torch.Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have left, and beside it a training that one process began."""
    made = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetune, "_CHECKPOINT_EVERY", -1.0)
        interrupted(made / "begun by one")
    with started(shared_cases.__name__, made) as processes:
        for rank, (code, said) in enumerate(ended(processes)):
            assert code == 0, f"rank {rank}: {said}"
            assert "Warning" not in said, said
    return made


@pytest.fixture(scope="module")
def shared(folder: Path) -> Tensors:
    return load_file(folder / "rank 0")


def of_case(tensors: Tensors, case: str) -> dict[str, torch.Tensor]:
    prefix = f"{case}: "
    found = {name.removeprefix(prefix): it for name, it in tensors.items() if name.startswith(prefix)}
    assert found
    return found


def assert_same(two: Tensors, one: Tensors, *, rtol: float, atol: float) -> None:
    assert two.keys() == one.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=rtol, atol=atol, msg=lambda said, of=name: f"{of}: {said}")


@pytest.mark.parametrize("case", CASES)
def test_the_gradients_are_those_of_one_process(shared: Tensors, case: str) -> None:
    alone = gradients(CASES[case](1, double=False))
    largest = max(float(gradient.abs().max()) for gradient in alone.values())
    assert_same(of_case(shared, f"gradients, {case}"), alone, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("case", CASES)
def test_after_some_steps_the_weights_are_those_of_one_process(shared: Tensors, case: str) -> None:
    alone = weights(CASES[case](STEPS, double=True).run())
    assert_same(of_case(shared, f"weights, {case}"), alone, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_both_processes_have_the_same_weights_to_the_last_bit(folder: Path, shared: Tensors, case: str) -> None:
    assert_same(of_case(load_file(folder / "1"), f"last, {case}"), of_case(shared, f"last, {case}"), rtol=0, atol=0)


def test_what_two_began_one_ends(folder: Path) -> None:
    whole = weights(training_of(objective=shared_cases.CrossEntropy()).run())
    assert_same(gone_on(folder / "begun by two"), whole, rtol=1e-3, atol=1e-4)


def test_what_one_began_two_end(shared: Tensors) -> None:
    whole = weights(training_of(objective=shared_cases.CrossEntropy()).run())
    assert_same(of_case(shared, "gone on by two"), whole, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("rank 1 fails", {0: "InternalError: Another process of this training has ended: rank 1: ValueError: its"}),
        ("rank 0 fails within a step", {1: "InternalError: Another process of this training has ended: rank 0: Type"}),
        (
            "rank 0 is cancelled",
            {
                0: "JobCancelledError: somebody cancelled it",
                1: "InternalError: Rank 0, which does the job, has failed: JobCancelledError: somebody cancelled it",
            },
        ),
    ],
)
def test_one_that_ends_ends_the_other_too(tmp_path: Path, who: str, told: dict[int, str]) -> None:
    with started(failing_ranks.__name__, who, tmp_path / "told") as processes:
        assert [code for code, _ in ended(processes)] == [1, 1]
    for rank, begin in told.items():
        assert (tmp_path / f"told {rank}").read_text().startswith(begin)
