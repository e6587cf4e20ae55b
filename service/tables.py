"""The service's own tables, beside the catalog's in the same database. Times are UTC without a zone."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, DateTime, Integer, MetaData, String, Table, Text

__all__ = ["api_keys", "audit", "job_events", "jobs", "metadata"]

metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),  # the secret has 256 random bits, so a plain hash is enough
    Column("scope", String(16), nullable=False),
    Column("name", String(256), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("revoked_at", DateTime),
    Column("pools", Text),  # JSON, the names of those that it is limited to; null for all
    Column("expires_at", DateTime),
    Column("successor", String(16)),  # id of the key that was made to take its place
    Column("last_used_on", Date),  # UTC
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(24), primary_key=True),  # grows with time
    Column("kind", String(32), nullable=False),
    Column("pool", String(64), index=True),
    Column("pool_key", String(32)),  # of the pool that had the name; null where there was none yet
    Column("state", String(16), nullable=False, index=True),
    Column("request", Text, nullable=False),  # JSON, as the kind's request type writes it
    Column("result", Text),  # JSON
    Column("error", Text),  # JSON, a problem document
    Column("progress", Text),  # JSON
    Column("attempt", Integer, nullable=False),  # how often a worker has claimed it
    Column("takeovers", Integer, nullable=False),  # how often its worker has died since it was queued by somebody
    Column("worker", String(128)),
    Column("heartbeat_at", DateTime),
    Column("cancel_requested", Boolean, nullable=False),
    Column("idempotency_key", String(255), unique=True),
    Column("retry_key", String(255)),  # the Idempotency-Key of the last retry
    Column("traceparent", String(64)),  # of the request that queued it, where that was traced
    Column("created_at", DateTime, nullable=False),
    Column("started_at", DateTime),
    Column("finished_at", DateTime),
)

job_events = Table(
    "job_events",
    metadata,
    Column("job_id", String(24), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1; see service.jobs.events
    Column("at", DateTime, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("event", String(16), nullable=False),  # state, progress or log
    Column("data", Text, nullable=False),  # JSON
)

audit = Table(
    "audit",
    metadata,
    Column("id", String(24), primary_key=True),  # grows with time
    Column("at", DateTime, nullable=False, index=True),
    Column("actor", String(16), nullable=False),  # a key's id; "local" where none are asked for; "cli"
    Column("request_id", String(128)),
    Column("action", String(64), nullable=False),  # the operation's id in the OpenAPI document
    Column("pool", String(64), index=True),
    Column("subject", Text, nullable=False),  # JSON: counts, ids of jobs and keys; nothing that a client sent at length
    Column("outcome", String(64), nullable=False),  # "begun", then "done" or the code of an error
)
