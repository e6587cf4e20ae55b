from __future__ import annotations

from itertools import permutations

from evaluation.learners.learner import Answer
from evaluation.learners.vote import Vote, vote
from tests.evaluation.learners.questions import question


def test_the_label_with_the_most_similarity_wins_not_the_one_with_the_most_votes() -> None:
    assert vote(["cat", "cat", "dog"], [0.2, 0.2, 0.5]) == "dog"


def test_equals_are_settled_by_label_in_whatever_order_they_stand() -> None:
    votes = [("emu", 0.1), ("emu", 0.2), ("emu", 0.3), ("dog", 0.3), ("dog", 0.2), ("dog", 0.1), ("cat", 0.5)]
    for some in list(permutations(votes))[::97]:
        assert vote(*map(list, zip(*some, strict=True))) == "dog"


def test_a_negative_similarity_counts_against_its_label() -> None:
    assert vote(["cat", "cat", "dog"], [0.5, -0.4, 0.2]) == "dog"


def test_without_demonstrations_there_is_no_answer() -> None:
    assert vote([], []) is None


def test_confidence_is_the_share_of_the_similarity() -> None:
    answer = Vote().answer(question("aab", [0.5, 0.25, 0.25]))
    assert answer == Answer("a", 0.75)
    assert Vote().answer(question("abc", [0.75, 0.25, -0.5])) == Answer("a", 0.75)


def test_where_all_count_against_their_labels_all_are_equally_likely() -> None:
    assert Vote().answer(question("abb", [-0.1, -0.2, -0.3])) == Answer("a", 0.5)
