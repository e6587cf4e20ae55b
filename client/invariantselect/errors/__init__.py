"""Every error of the project, once: its code, its HTTP status and what the user can do next.

The server raises these classes, RFC 9457 problem documents carry them over the wire, and the client raises the
same class again. A test holds this table, the documentation and both sides together.

Source for the document's shape: RFC 9457, Problem Details for HTTP APIs, 2023,
https://www.rfc-editor.org/rfc/rfc9457.
"""

from __future__ import annotations

from invariantselect.errors.client_side import (
    ConnectionFailedError,
    PromptInvalidError,
    SelectionOutdatedError,
    UnexpectedResponseError,
)
from invariantselect.errors.evaluations import (
    AnswersInvalidError,
    LearnerBudgetSpentError,
    LearnerDisabledError,
    LearnerKeyRefusedError,
    LearnerModelUnknownError,
    LearnerRequestRefusedError,
    LearnerResponseInvalidError,
    LearnerUnreachableError,
    PoolNotDivisibleError,
    ReportNotFoundError,
)
from invariantselect.errors.images import (
    ImageFormatUnsupportedError,
    ImageNotFoundError,
    ImageTooLargeError,
    ImageUnreadableError,
)
from invariantselect.errors.jobs import (
    IdempotencyKeyReusedError,
    ImportDisabledError,
    JobAbandonedError,
    JobCancelledError,
    JobNotFoundError,
    JobStateError,
)
from invariantselect.errors.pools import (
    DatasetUnsupportedError,
    DemonstrationInvalidError,
    DemonstrationNotFoundError,
    EncoderVersionChangedError,
    EncoderVersionInUseError,
    EncoderVersionNotFoundError,
    ManifestInvalidError,
    PoolExistsError,
    PoolNotAdaptedError,
    PoolNotFoundError,
)
from invariantselect.errors.problems import error_from_problem
from invariantselect.errors.requests import (
    ForbiddenError,
    HeadTooLargeError,
    InvalidCursorError,
    InvalidFilterError,
    InvalidRequestError,
    InvalidVectorError,
    MethodNotAllowedError,
    OverloadedError,
    PayloadTooLargeError,
    RateLimitedError,
    RequestMalformedError,
    RequestTooSlowError,
    RouteNotFoundError,
    TimedOutError,
    UnauthenticatedError,
    UnsupportedMediaTypeError,
)
from invariantselect.errors.root import ERRORS, InvariantSelectError
from invariantselect.errors.stores import (
    BackupInvalidError,
    CatalogUnavailableError,
    EncoderNotFoundError,
    EncoderUnavailableError,
    FingerprintMismatchError,
    InternalError,
    NotReadyError,
    StoreCorruptError,
)

__all__ = [
    "ERRORS",
    "AnswersInvalidError",
    "BackupInvalidError",
    "CatalogUnavailableError",
    "ConnectionFailedError",
    "DatasetUnsupportedError",
    "DemonstrationInvalidError",
    "DemonstrationNotFoundError",
    "EncoderNotFoundError",
    "EncoderUnavailableError",
    "EncoderVersionChangedError",
    "EncoderVersionInUseError",
    "EncoderVersionNotFoundError",
    "FingerprintMismatchError",
    "ForbiddenError",
    "HeadTooLargeError",
    "IdempotencyKeyReusedError",
    "ImageFormatUnsupportedError",
    "ImageNotFoundError",
    "ImageTooLargeError",
    "ImageUnreadableError",
    "ImportDisabledError",
    "InternalError",
    "InvalidCursorError",
    "InvalidFilterError",
    "InvalidRequestError",
    "InvalidVectorError",
    "InvariantSelectError",
    "JobAbandonedError",
    "JobCancelledError",
    "JobNotFoundError",
    "JobStateError",
    "LearnerBudgetSpentError",
    "LearnerDisabledError",
    "LearnerKeyRefusedError",
    "LearnerModelUnknownError",
    "LearnerRequestRefusedError",
    "LearnerResponseInvalidError",
    "LearnerUnreachableError",
    "ManifestInvalidError",
    "MethodNotAllowedError",
    "NotReadyError",
    "OverloadedError",
    "PayloadTooLargeError",
    "PoolExistsError",
    "PoolNotAdaptedError",
    "PoolNotDivisibleError",
    "PoolNotFoundError",
    "PromptInvalidError",
    "RateLimitedError",
    "ReportNotFoundError",
    "RequestMalformedError",
    "RequestTooSlowError",
    "RouteNotFoundError",
    "SelectionOutdatedError",
    "StoreCorruptError",
    "TimedOutError",
    "UnauthenticatedError",
    "UnexpectedResponseError",
    "UnsupportedMediaTypeError",
    "error_from_problem",
]
