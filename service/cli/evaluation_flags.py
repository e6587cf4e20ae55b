"""The options of an evaluation as flags, and what they ask for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from typer import BadParameter, Option

if TYPE_CHECKING:
    from evaluation.learners.lmm import LmmOptions
    from invariantselect.wire.evaluation import EvaluateRequest

__all__ = ["kept_from_workers", "learners_of", "model_of", "names_of", "request_of", "shots_of"]

Protocol: TypeAlias = Annotated[
    Literal["leave-one-domain-out", "target-pool", "k-fold"], Option("--protocol", help="Who asks whom.")
]
Shots: TypeAlias = Annotated[str, Option("--shots", metavar="K,K", help="How many demonstrations; 0 is one row.")]
Strategies: TypeAlias = Annotated[str, Option("--strategies", metavar="NAME,NAME", help="Who chooses them.")]
Learners: TypeAlias = Annotated[
    list[str] | None,
    Option("--learner", metavar="vote|probe|lmm", help="Who answers; may come again. Default: vote."),
]
Targets: TypeAlias = Annotated[
    list[str] | None,
    Option("--targets", metavar="DOMAIN,DOMAIN", help="The domains that ask, or a JSON list; may come again."),
]
Folds: TypeAlias = Annotated[int, Option("--folds", min=2, max=100, help="How many, for k-fold.")]
Queries: TypeAlias = Annotated[
    int | None, Option("--queries", metavar="N", min=1, help="At most so many of each fold, drawn by the seed.")
]
CentreQueries: TypeAlias = Annotated[
    bool, Option("--centre-queries", help="Add rows where a fold's queries are centred by what they share.")
]
Depth: TypeAlias = Annotated[
    Literal["auto", "closed_form", "head", "finetune"],
    Option("--depth", help="How an encoder is adapted to each fold's demonstrations alone, for invariant_select."),
]
Objective: TypeAlias = Annotated[
    Literal["cci", "supcon", "dcl", "cross_entropy"],
    Option("--objective", help="What head and trunk are trained with."),
]
Options: TypeAlias = Annotated[
    list[str] | None, Option("--option", "-o", metavar="NAME=VALUE", help="Of the objective; may come again.")
]
Budget: TypeAlias = Annotated[str, Option("--budget", metavar="TIME", help="For adapting to one fold: 90s, 10m, 2h.")]
Blocks: TypeAlias = Annotated[
    str, Option("--blocks", metavar="N", help="Blocks of the trunk that fine-tuning trains, or 'all'.")
]
Seed: TypeAlias = Annotated[int, Option("--seed", min=0, help="Of everything that is drawn.")]
Out: TypeAlias = Annotated[
    Path | None,
    Option("--out", metavar="DIR", help="Where the report goes, and what is resumed. Default: evaluation-POOL."),
]
Model: TypeAlias = Annotated[str | None, Option("--model", metavar="NAME", help="That the learner lmm asks.")]
BaseUrl: TypeAlias = Annotated[
    str | None, Option("--base-url", metavar="URL", help="Of its OpenAI-compatible endpoint: http://127.0.0.1:8001/v1.")
]
KeyVariable: TypeAlias = Annotated[
    str, Option("--key-variable", metavar="NAME", help="Environment variable that holds the endpoint's key.")
]
Question: TypeAlias = Annotated[str, Option("--question", help="Asked of every image.")]
Concurrency: TypeAlias = Annotated[int, Option("--concurrency", min=1, help="How many requests are open at a time.")]
Timeout: TypeAlias = Annotated[float, Option("--timeout", metavar="SECONDS", help="For one request.")]
Retries: TypeAlias = Annotated[
    int, Option("--retries", min=0, max=100, help="How often a failed request is made again.")
]
MostRequests: TypeAlias = Annotated[
    int | None, Option("--most-requests", metavar="N", min=0, help="Budget in requests; known answers are free.")
]
MostCost: TypeAlias = Annotated[
    float | None, Option("--most-cost", metavar="MONEY", min=0, help="Budget in money, by the two prices.")
]
PriceIn: TypeAlias = Annotated[float, Option("--price-in", min=0, help="Of a million prompt tokens.")]
PriceOut: TypeAlias = Annotated[float, Option("--price-out", min=0, help="Of a million answer tokens.")]
ImageSide: TypeAlias = Annotated[int, Option("--image-side", min=1, help="Longest side of images sent, in pixels.")]
ImageTokens: TypeAlias = Annotated[
    int,
    Option("--image-tokens", min=1, help="Most prompt tokens that an image is billed as; set aside for --most-cost."),
]
MostTokens: TypeAlias = Annotated[int, Option("--most-tokens", min=1, help="Longest answer, in tokens.")]


def shots_of(text: str) -> list[int]:
    """``0,1,3`` as numbers.

    Raises:
        BadParameter: They aren't.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and part.isascii() for part in parts):
        raise BadParameter(f"{text!r} is no list of numbers: 0,1,3,5,7 is", param_hint="--shots")
    return [int(part) for part in parts]


def learners_of(given: list[str]) -> list[str]:
    """The learners named, each once.

    Raises:
        BadParameter: One is unknown.
    """
    known = ("vote", "probe", "lmm")
    for name in given:
        if name not in known:
            raise BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint="--learner")
    return list(dict.fromkeys(given))


def names_of(texts: list[str], flag: str) -> list[str]:
    """Names separated by commas, or a JSON list of them for those that have commas.

    Raises:
        BadParameter: One is empty, or the JSON is none.
    """
    names: list[str] = []
    for text in texts:
        names += _of_json(text, flag) if text.lstrip().startswith("[") else [part.strip() for part in text.split(",")]
    if not all(names):
        raise BadParameter("a name is empty", param_hint=flag)
    return names


def request_of(**asked: Any) -> EvaluateRequest:
    """What is asked.

    Raises:
        InvalidRequestError: A combination that can't be.
    """
    from invariantselect.checking import checked
    from invariantselect.wire.evaluation import EvaluateRequest

    return checked(EvaluateRequest, **asked)


def model_of(model: str | None, *, asked: bool, **options: Any) -> LmmOptions | None:
    """How the learner lmm asks; None where it isn't named.

    Raises:
        BadParameter: A model is named without the learner, or the learner without a model.
        InvalidRequestError: A value that can't be.
    """
    if model is None and asked:
        raise BadParameter("the learner lmm needs a model", param_hint="--model")
    if model is not None and not asked:
        raise BadParameter("a model answers only as the learner lmm", param_hint="--model")
    if model is None:
        return None
    from evaluation.learners.lmm import LmmOptions

    return LmmOptions(model, **options)


def kept_from_workers(lmm: LmmOptions) -> list[str]:
    """The options of a model that were given and that no request hands to a worker: leaving one out without a word
    could cost money."""
    from dataclasses import fields, replace

    plain = replace(type(lmm)(lmm.model), question=lmm.question, most_requests=lmm.most_requests or None)
    return [field.name for field in fields(lmm) if getattr(lmm, field.name) != getattr(plain, field.name)]


def _of_json(text: str, flag: str) -> list[str]:
    import json

    try:
        names = json.loads(text)
    except ValueError as error:
        raise BadParameter(f"{text!r} is no JSON: {error}", param_hint=flag) from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise BadParameter(f"{text!r} is no JSON list of names", param_hint=flag)
    return names
