"""The methods of the asyncio client that are about evaluating the selection on a pool.
`invariantselect.evaluation_methods` tells what each does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from invariantselect.async_transport import AsyncTransport
from invariantselect.flows import evaluation
from invariantselect.wire.evaluation import LearnerKind, ModelAsked, ProtocolName, ReportFile
from invariantselect.wire.jobs import Job
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption
from invariantselect.wire.options import Strategy
from invariantselect.wire.training import DepthName

__all__ = ["AsyncEvaluationMethods"]


class AsyncEvaluationMethods:
    """`EvaluationMethods` for asyncio."""

    _transport: AsyncTransport

    async def evaluate(
        self,
        pool: str,
        *,
        protocol: ProtocolName = "leave-one-domain-out",
        shots: Sequence[int] = (0, 1, 3, 5, 7),
        strategies: Sequence[Strategy] = ("random", "topk_nearest", "invariant_select"),
        learners: Sequence[LearnerKind] = ("vote",),
        lmm: ModelAsked | None = None,
        depth: DepthName = "closed_form",
        budget_seconds: float = 600.0,
        objective: ObjectiveName = "cci",
        options: Mapping[str, ObjectiveOption] | None = None,
        blocks: int | None = 8,
        targets: Sequence[str] | None = None,
        folds: int = 5,
        queries: int | None = None,
        centre_queries: bool = False,
        seed: int = 0,
        idempotency_key: str | None = None,
    ) -> Job:
        """As `Client.evaluate`."""
        return await self._transport.run(
            evaluation.evaluate(
                pool,
                protocol=protocol,
                shots=shots,
                strategies=strategies,
                learners=learners,
                lmm=lmm,
                depth=depth,
                budget_seconds=budget_seconds,
                objective=objective,
                options=dict(options or {}),
                blocks=blocks,
                targets=targets,
                folds=folds,
                queries=queries,
                centre_queries=centre_queries,
                seed=seed,
                idempotency_key=idempotency_key,
            )
        )

    async def report(self, id: str, file: ReportFile = "report.html") -> bytes:
        """As `Client.report`."""
        return await self._transport.run(evaluation.report(id, file))
