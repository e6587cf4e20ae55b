"""The wire types: what goes over HTTP, defined once for server and client. The server validates with them, the SDK
returns them, the OpenAPI document is made from them."""

from invariantselect.wire.demonstrations import (
    BatchOutcome,
    DeleteRequest,
    Demonstration,
    DemonstrationInput,
    DemonstrationList,
    DemonstrationPage,
    DemonstrationPatch,
    GetRequest,
    Outcome,
    RelabelRequest,
    UpsertRequest,
)
from invariantselect.wire.encoders import (
    EmbeddingItem,
    EmbeddingsRequest,
    EmbeddingsResponse,
    EmbeddingsUsage,
    EncoderInfo,
    EncoderList,
)
from invariantselect.wire.jobs import (
    ImportRequest,
    Job,
    JobEvent,
    JobList,
    JobLog,
    JobProgress,
    RebuildRequest,
)
from invariantselect.wire.options import Diversity, Exclusions, SelectionOptions
from invariantselect.wire.pools import LabelCount, PoolCreate, PoolInfo, PoolList
from invariantselect.wire.queries import Query
from invariantselect.wire.selections import (
    SelectBatchRequest,
    SelectBatchResponse,
    Selected,
    Selection,
    SelectionFailure,
    SelectRequest,
    Timings,
)

__all__ = [
    "BatchOutcome",
    "DeleteRequest",
    "Demonstration",
    "DemonstrationInput",
    "DemonstrationList",
    "DemonstrationPage",
    "DemonstrationPatch",
    "Diversity",
    "EmbeddingItem",
    "EmbeddingsRequest",
    "EmbeddingsResponse",
    "EmbeddingsUsage",
    "EncoderInfo",
    "EncoderList",
    "Exclusions",
    "GetRequest",
    "ImportRequest",
    "Job",
    "JobEvent",
    "JobList",
    "JobLog",
    "JobProgress",
    "LabelCount",
    "Outcome",
    "PoolCreate",
    "PoolInfo",
    "PoolList",
    "Query",
    "RebuildRequest",
    "RelabelRequest",
    "SelectBatchRequest",
    "SelectBatchResponse",
    "SelectRequest",
    "Selected",
    "Selection",
    "SelectionFailure",
    "SelectionOptions",
    "Timings",
    "UpsertRequest",
]
