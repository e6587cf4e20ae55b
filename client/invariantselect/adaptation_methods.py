"""The methods of the blocking client that are about adapting a pool's encoder."""

from __future__ import annotations

from collections.abc import Mapping

from invariantselect.flows import adaptation
from invariantselect.transport import Transport
from invariantselect.wire.adaptation import DepthName, EncoderVersionList
from invariantselect.wire.jobs import Job
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption

__all__ = ["AdaptationMethods"]


class AdaptationMethods:
    """Adapt a pool's encoder to the pool, see which encoders it had, go back, discard one."""

    _transport: Transport

    def adapt(
        self,
        pool: str,
        *,
        depth: DepthName = "auto",
        objective: ObjectiveName = "cci",
        options: Mapping[str, ObjectiveOption] | None = None,
        budget_seconds: float = 600.0,
        blocks: int | None = 8,
        seed: int = 0,
        force: bool = False,
        idempotency_key: str | None = None,
    ) -> Job:
        """Hand in a job that adapts a pool's encoder and, if validation finds that it helps, lets it serve.

        Wait for it with `wait_for_job`; ``AdaptationResult.model_validate(job.result)`` reads what came of it.

        Args:
            pool: Name of the pool; it is searched and written meanwhile.
            depth: ``closed_form``, ``head``, ``finetune``, or ``auto``: all that the budget allows compete.
            objective: What head and trunk are trained with: ``cci``, ``supcon``, ``dcl`` or ``cross_entropy``.
            options: Of the objective: ``{"temperature": 0.07}``.
            budget_seconds: How long learning and validation may take.
            blocks: How many blocks at the end of the trunk fine-tuning trains; None for all of it.
            seed: Of everything that is drawn.
            force: Let the new version serve even where validation finds it no better.
            idempotency_key: The same key again answers the job that it made before.
        """
        return self._transport.run(
            adaptation.adapt(
                pool,
                depth=depth,
                objective=objective,
                options=options,
                budget_seconds=budget_seconds,
                blocks=blocks,
                seed=seed,
                force=force,
                idempotency_key=idempotency_key,
            )
        )

    def encoder_versions(self, pool: str) -> EncoderVersionList:
        """A pool's encoder versions: their states, where they come from, and how they were validated."""
        return self._transport.run(adaptation.encoder_versions(pool))

    def rollback(self, pool: str, *, to: int | None = None) -> EncoderVersionList:
        """Let an earlier encoder version serve again; queries go on meanwhile.

        Args:
            pool: Name of the pool.
            to: Number of the version, 1 for the encoder that the pool was made with; None for the newest one before
                the serving one that served.

        Raises:
            PoolNotAdaptedError: There is nothing to go back from.
            EncoderVersionNotFoundError: The pool has no version of this number.
        """
        return self._transport.run(adaptation.rollback(pool, to))

    def discard_encoder_version(self, pool: str, number: int) -> None:
        """Remove an encoder version that doesn't serve: what it learnt, and its vectors, which may be gigabytes.

        It can't be undone, and its number isn't given again.

        Args:
            pool: Name of the pool.
            number: Of the version.

        Raises:
            EncoderVersionInUseError: It serves, is being made, is number 1, or another pool was made with it.
            EncoderVersionNotFoundError: The pool has no version of this number.
        """
        self._transport.run(adaptation.discard_encoder_version(pool, number))
