"""The methods of the asyncio client that are about adapting a pool's encoder. `invariantselect.adaptation_methods`
tells what each does."""

from __future__ import annotations

from collections.abc import Mapping

from invariantselect.async_transport import AsyncTransport
from invariantselect.flows import adaptation
from invariantselect.wire.adaptation import DepthName, EncoderVersionList
from invariantselect.wire.jobs import Job
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption

__all__ = ["AsyncAdaptationMethods"]


class AsyncAdaptationMethods:
    """`AdaptationMethods` for asyncio."""

    _transport: AsyncTransport

    async def adapt(
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
        """As `Client.adapt`."""
        return await self._transport.run(
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

    async def encoder_versions(self, pool: str) -> EncoderVersionList:
        """As `Client.encoder_versions`."""
        return await self._transport.run(adaptation.encoder_versions(pool))

    async def rollback(self, pool: str, *, to: int | None = None) -> EncoderVersionList:
        """As `Client.rollback`."""
        return await self._transport.run(adaptation.rollback(pool, to))

    async def discard_encoder_version(self, pool: str, number: int) -> None:
        """As `Client.discard_encoder_version`."""
        await self._transport.run(adaptation.discard_encoder_version(pool, number))
