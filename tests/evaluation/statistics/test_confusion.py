from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from evaluation.statistics.confusion import confusion_matrix, recalls

CLASSES = ["a", "b", "c"]


@given(st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, None])), min_size=1, max_size=30))
def test_it_is_scikit_learns_with_a_column_for_no_answer(pairs: list[tuple[str, str | None]]) -> None:
    truth, answers = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = confusion_matrix(truth, answers, CLASSES)
    told = [answer or "none" for answer in answers]
    expected = metrics.confusion_matrix(truth, told, labels=[*CLASSES, "none"])
    assert found.tolist() == expected[:3].tolist()
    shares = recalls(found)
    asked = [name for name in CLASSES if name in truth]
    reference = metrics.recall_score(truth, told, labels=asked, average=None, zero_division=0.0)
    assert [share for share in shares.tolist() if not np.isnan(share)] == pytest.approx(reference.tolist())
    assert [not np.isnan(share) for share in shares] == [name in truth for name in CLASSES]


def test_a_label_that_is_no_class_is_refused() -> None:
    for truth, answers in ((["z"], ["a"]), (["a"], ["z"])):
        with pytest.raises(ValueError, match="none of the classes"):
            confusion_matrix(truth, answers, CLASSES)
