"""The routes, one file for each resource. Paths are written out in full where they are declared."""

from service.routers import (
    adaptation,
    audit,
    demonstrations,
    embeddings,
    encoders,
    evaluation,
    health,
    images,
    jobs,
    metrics,
    pool_jobs,
    pools,
    select,
    upsert,
)

__all__ = ["ROUTERS"]

ROUTERS = (
    pools.router,
    upsert.router,
    demonstrations.router,
    images.router,
    select.router,
    embeddings.router,
    encoders.router,
    adaptation.router,
    evaluation.router,
    pool_jobs.router,
    jobs.router,
    audit.router,
    health.router,
    metrics.router,
)
