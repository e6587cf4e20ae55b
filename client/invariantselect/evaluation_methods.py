"""The methods of the blocking client that are about evaluating the selection on a pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from invariantselect.flows import evaluation
from invariantselect.transport import Transport
from invariantselect.wire.evaluation import LearnerKind, ModelAsked, ProtocolName, ReportFile
from invariantselect.wire.jobs import Job
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption
from invariantselect.wire.options import Strategy
from invariantselect.wire.training import DepthName

__all__ = ["EvaluationMethods"]


class EvaluationMethods:
    """Does the selection help on this pool? Hand the question in, fetch the report."""

    _transport: Transport

    def evaluate(
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
        """Hand in a job that evaluates selection on a pool.

        Wait for it with `wait_for_job`; ``EvaluationResult.model_validate(job.result)`` reads the figures, `report`
        fetches the page.

        Args:
            pool: Name of the pool; it is searched and written meanwhile.
            protocol: Who asks whom: ``leave-one-domain-out``, ``target-pool`` or ``k-fold``.
            shots: How many demonstrations, each once; 0 is a row without any.
            strategies: Who chooses them.
            learners: Who answers: ``vote``, ``probe``, ``lmm``.
            lmm: The model that ``lmm`` asks, if the server's operator allows it.
            depth: How an encoder is adapted to each fold's demonstrations alone, for ``invariant_select``.
            budget_seconds: How long that may take in each fold.
            objective: What head and trunk are trained with, as of `adapt`.
            options: Of the objective.
            blocks: How many blocks at the end of the trunk fine-tuning trains; None for all of it.
            targets: The domains that ask; None for all. Not for ``k-fold``.
            folds: How many, for ``k-fold``.
            queries: At most so many of each fold; None for all.
            centre_queries: Add rows where a fold's queries are centred by what they share.
            seed: Of everything that is drawn.
            idempotency_key: The same key again answers the job that it made before.
        """
        return self._transport.run(
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

    def report(self, id: str, file: ReportFile = "report.html") -> bytes:
        """A file of the report of an evaluation that succeeded.

        Args:
            id: Of the job.
            file: ``report.html``, ``report.json`` (all figures) or ``answers.csv`` (every answer).

        Raises:
            ReportNotFoundError: The job has made no report: it is another kind of job, or hasn't succeeded.
        """
        return self._transport.run(evaluation.report(id, file))
