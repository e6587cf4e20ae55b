"""What is wrong with an evaluation."""

from __future__ import annotations

from invariantselect.errors.root import InvariantSelectError

__all__ = [
    "AnswersInvalidError",
    "LearnerBudgetSpentError",
    "LearnerDisabledError",
    "LearnerKeyRefusedError",
    "LearnerModelUnknownError",
    "LearnerRequestRefusedError",
    "LearnerResponseInvalidError",
    "LearnerUnreachableError",
    "PoolNotDivisibleError",
    "ReportNotFoundError",
]


class PoolNotDivisibleError(InvariantSelectError):
    """A pool that an evaluation protocol can't divide into demonstrations and queries."""

    code = "pool_not_divisible"
    status = 422
    title = "The pool can't be divided so"
    default_hint = "Choose another protocol: k-fold needs no domains, only two groups."


class AnswersInvalidError(InvariantSelectError):
    """A file of answers that can't be read, or that another evaluation wrote."""

    code = "answers_invalid"
    status = 422
    title = "The file holds no answers of this evaluation"
    default_hint = "Give another folder, or remove what this one holds to begin anew."


class LearnerUnreachableError(InvariantSelectError):
    """The endpoint of a learner's model can't be reached, doesn't answer in time, or keeps failing."""

    code = "learner_unreachable"
    status = 503
    title = "The model's endpoint doesn't answer"
    default_hint = "Check the base URL and that the endpoint is up; run again later, answers so far are kept."


class LearnerKeyRefusedError(InvariantSelectError):
    """The endpoint of a learner's model wants a key, refuses the one it got, or its account has no credit."""

    code = "learner_key_refused"
    status = 502
    title = "The model's endpoint doesn't let this key ask"
    default_hint = "Set the environment variable that holds the key, and check that the key may use this model."


class LearnerModelUnknownError(InvariantSelectError):
    """The endpoint has no model of this name, or there is no chat endpoint at this base URL."""

    code = "learner_model_unknown"
    status = 422
    title = "The endpoint doesn't have this model"
    default_hint = "Check the model's name, and the base URL: it usually ends in /v1."


class LearnerRequestRefusedError(InvariantSelectError):
    """The endpoint doesn't take a request as the learner makes it."""

    code = "learner_request_refused"
    status = 422
    title = "The model's endpoint refuses the request"
    default_hint = "Ask with fewer shots or smaller images, and take a model that reads several images."


class LearnerResponseInvalidError(InvariantSelectError):
    """What the endpoint sends back is no chat completion."""

    code = "learner_response_invalid"
    status = 502
    title = "The model's endpoint answers something else"
    default_hint = "Check that the base URL is that of an OpenAI-compatible endpoint; it usually ends in /v1."


class LearnerBudgetSpentError(InvariantSelectError):
    """What is left of a learner's budget isn't enough for the next request."""

    code = "learner_budget_spent"
    status = 402
    title = "The budget is spent"
    default_hint = "Run again with a larger budget: answers so far are kept and cost nothing."


class LearnerDisabledError(InvariantSelectError):
    """A request names a model that the server's operator doesn't let it ask."""

    code = "learner_disabled"
    status = 403
    title = "The server doesn't ask this model"
    default_hint = "Its operator allows it by naming the model in INVARIANTSELECT_LMM_MODELS."


class ReportNotFoundError(InvariantSelectError):
    """A job that has made no report."""

    code = "report_not_found"
    status = 404
    title = "The job has no report"
    default_hint = "Jobs of kind evaluate have one, once they have succeeded and until their pool is dropped."
