"""Settings of the service: environment variables INVARIANTSELECT_*, read when a `Settings` is made, never at import."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from invariantselect.loopback import is_loopback

__all__ = ["Settings"]

_MIB = 1024 * 1024
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[\w!.*'()-]+)*/?", re.ASCII)
_RATE = re.compile(r"[1-9][0-9]{0,8}/(second|minute|hour|day)")


class Settings(BaseSettings):
    """Every setting of the service. Each is an environment variable INVARIANTSELECT_<NAME>; see docs/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix="INVARIANTSELECT_",
        extra="forbid",
        frozen=True,
        validate_default=True,
        hide_input_in_errors=True,  # two of them hold passwords
    )

    data: Path = Field(default=Path("invariantselect-data"), description="Directory of pools, images and encoders.")
    host: str = Field(
        default="127.0.0.1", min_length=1, description="Address to listen on; other than loopback asks for API keys."
    )
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    encoder: str = Field(
        default="efficientnet-lite0",
        min_length=1,
        description="Encoder of a new pool that names none; warmed up first.",
    )
    encoders: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Further encoders that requests may use, separated by commas."
    )
    adapted_encoders: int = Field(
        default=4, ge=1, description="How many encoders that were adapted to pools stay loaded, one a pool."
    )
    adaptation_cache_bytes: int = Field(
        default=4 << 30,
        ge=0,
        description="Memory for activations while an encoder is fine-tuned; where it is too little, that is slower.",
    )
    device: str = Field(default="auto", min_length=1, description="auto, cpu, cuda or cuda:N.")
    runtime: Literal["auto", "onnxruntime", "torch"] = Field(
        default="auto",
        description="What runs encoders; auto takes ONNX Runtime on the CPU where it can, else torch, and says why.",
    )
    workers: int = Field(
        default=0, ge=0, le=256, description="Threads that search, and as many that decode; 0 is one for each core."
    )
    queue_limit: int = Field(
        default=64, ge=1, description="Requests that may wait or be worked on; further ones get 429."
    )
    query_seconds: float = Field(
        default=60,
        ge=0.1,
        le=3600,
        description="How long a selection or an embedding may take, its time in the queue included; then it gets 504.",
    )
    max_request_bytes: int = Field(default=64 * _MIB, ge=1024, description="Largest request body.")
    max_held_bytes: int = Field(
        default=512 * _MIB,
        ge=1024,
        description="Bodies of all requests at once; a further one gets 429. One alone is always let in.",
    )
    max_connections: int = Field(
        default=1000,
        ge=1,
        description="Connections at once; a further one gets 503, or the answer to a probe, and ends.",
    )
    max_image_bytes: int = Field(default=32 * _MIB, ge=1, description="Largest image file.")
    max_image_pixels: int = Field(
        default=64 * _MIB, ge=1, le=170_000_000, description="Most pixels of an image, refused before decoding."
    )
    embedding_cache_bytes: int = Field(
        default=64 * _MIB, ge=0, description="Memory for vectors of images seen before; 0 keeps none."
    )
    database_url: str | None = Field(
        default=None,
        repr=False,
        description="PostgreSQL for the catalog, keys and jobs of several replicas that share the data directory: "
        "postgresql://user:password@host/database. A file in the data directory if empty.",
    )
    images_url: str | None = Field(
        default=None,
        description="Object store that has the images in place of the data directory: s3://bucket/folder. Needs the "
        "extra s3; credentials and endpoint are taken from the AWS_ variables.",
    )
    redis_url: str | None = Field(
        default=None,
        repr=False,
        description="Redis for what servers share (cached vectors, counts of requests) and for telling workers of "
        "jobs: redis://host:6379/0.",
    )
    embedded_worker: bool = Field(
        default=True, description="Whether 'serve' starts a worker for jobs, which ends with it."
    )
    job_stale_seconds: float = Field(
        default=30,
        ge=0.2,
        le=3600,
        description="After how long without a sign of life a job's worker counts as dead, and another takes over.",
    )
    job_log_days: int = Field(
        default=90, ge=0, le=36500, description="Days that progress and logs of ended jobs are kept; 0 keeps them all."
    )
    import_root: Path | None = Field(
        default=None, description="Folder below which clients may name images for the server to import."
    )
    lmm_models: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Models that evaluations may ask, separated by commas; none for none. They cost money."
    )
    lmm_base_url: str | None = Field(
        default=None,
        description="OpenAI-compatible endpoint of these models: http://127.0.0.1:8001/v1. The package openai's own if "
        "empty.",
    )
    lmm_key_variable: str = Field(
        default="OPENAI_API_KEY", min_length=1, description="Environment variable that holds the endpoint's key."
    )
    lmm_most_tokens: int = Field(
        default=64, ge=1, description="Longest answer of these models, in tokens; one that thinks aloud needs more."
    )
    lmm_answer_days: int = Field(
        default=90,
        ge=0,
        le=36500,
        description="Days that an answer of these models is kept after it was last of use; 0 keeps them all. A later "
        "evaluation pays for it again.",
    )
    auth: Literal["auto", "on", "off"] = Field(
        default="auto", description="API keys: on, off (on loopback only), or auto: off on loopback, on elsewhere."
    )
    key_grace_seconds: float = Field(
        default=300,
        ge=0,
        le=86400,
        description="For how long an API key may go on reading when PostgreSQL doesn't answer, after it last vouched "
        "for the key.",
    )
    rate_limit: str = Field(
        default="",
        description="Requests that a key may make a second, minute, hour or day: 600/minute; empty for no limit.",
    )
    rate_limit_write: str = Field(
        default="", description="Of these, requests that change something: 60/minute; empty for no limit of their own."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Least level logged.")
    log_format: Literal["json", "console"] = Field(default="json", description="One JSON object a line, or for eyes.")
    otlp_endpoint: str | None = Field(
        default=None,
        repr=False,
        description="OpenTelemetry collector that spans of requests and jobs are sent to, over HTTP: "
        "http://127.0.0.1:4318. Needs the extra tracing; none are made if empty.",
    )
    trace_share: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Share of the requests that are traced; a caller's traceparent decides for its own.",
    )
    shutdown_delay_seconds: float = Field(
        default=0.0,
        ge=0,
        le=600,
        description="How long a server goes on as before when SIGTERM tells it to stop, while /readyz says 503: as "
        "long as a load balancer needs to notice. Ctrl-C doesn't wait.",
    )
    shutdown_seconds: int = Field(
        default=30, ge=0, description="How long running requests may take to finish when the server is told to stop."
    )

    @field_validator("encoders", "lmm_models", mode="before")
    @classmethod
    def _separated_by_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("import_root", "lmm_base_url", "otlp_endpoint", mode="before")
    @classmethod
    def _not_empty(cls, value: Any) -> Any:
        return value or None  # an empty variable would be the working directory

    @field_validator("database_url")
    @classmethod
    def _a_postgresql_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            raise ValueError("the URL of a PostgreSQL begins with postgresql://")
        return value

    @field_validator("images_url")
    @classmethod
    def _a_folder_of_a_bucket(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not _BUCKET.fullmatch(value):
            raise ValueError("an object store is s3://bucket/folder; credentials are in the AWS_ variables")
        return value

    @field_validator("rate_limit", "rate_limit_write")
    @classmethod
    def _a_rate(cls, value: str) -> str:
        if value and not _RATE.fullmatch(value):
            raise ValueError("a rate is a number a second, minute, hour or day: 600/minute")
        return value

    @field_validator("redis_url")
    @classmethod
    def _a_redis_url(cls, value: str | None) -> str | None:
        if not value:
            return None
        if not value.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("a Redis URL begins with redis://, rediss:// or unix://")
        try:
            urlsplit(value).port  # noqa: B018 -- raises where it is no number
        except ValueError:
            raise ValueError("the port of the Redis URL is no number") from None
        return value

    @field_validator("otlp_endpoint")
    @classmethod
    def _a_collector(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("http://", "https://")):
            raise ValueError("the address of a collector begins with http:// or https://")
        return value

    @model_validator(mode="after")
    def _open_doors_only_at_home(self) -> Self:
        if self.auth == "off" and not is_loopback(self.host):
            raise ValueError(
                f"auth is off but host is {self.host}, which other machines can reach; listen on 127.0.0.1, or set "
                "INVARIANTSELECT_AUTH=on and make a key with 'invariantselect keys create'"
            )
        return self

    @property
    def asks_for_keys(self) -> bool:
        """Whether requests need an API key."""
        return self.auth == "on" or (self.auth == "auto" and not is_loopback(self.host))

    @property
    def allowed_encoders(self) -> tuple[str, ...]:
        """Names that requests may use, the default one first."""
        return tuple(dict.fromkeys((self.encoder, *self.encoders)))

    @property
    def lmm_answers(self) -> Path:
        """The folder of what models answered: no evaluation pays for it twice."""
        return self.data / "lmm-answers"

    @property
    def decode_threads(self) -> int:
        """As many as `worker_threads`, but two at least: one slow picture must not hold up the others."""
        return max(2, self.worker_threads)

    @property
    def worker_threads(self) -> int:
        """`workers`, or the number of cores this process may use."""
        if self.workers:
            return self.workers
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
