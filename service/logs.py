"""Structured logs: one event a line with the id of its request. Keys and images are never among the values."""

from __future__ import annotations

import logging
import sys

import structlog

from service.settings import Settings

__all__ = ["configure_logs"]

_OURS = ("encoders", "evaluation", "index", "service", "uvicorn")


def configure_logs(settings: Settings) -> None:
    """Set up logging of the whole process, ours and the libraries', on standard error.

    Handlers that the process has set up before stay the only ones.
    """
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if settings.log_format == "json"
        # Plain tracebacks: pretty ones show local variables, and those may be keys and images.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    # Libraries speak on info of what only their authors want to know, and on debug of pieces of images.
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler])
    for name in _OURS:
        logging.getLogger(name).setLevel(level)
    # What Pillow calls an error is an image that somebody sent, who is told.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
