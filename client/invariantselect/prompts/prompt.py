"""A prompt that belongs to no vendor yet: system text and turns, with every image within the budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypedDict

from invariantselect.errors import PromptInvalidError
from invariantselect.image_inputs import ImageInput, image_bytes
from invariantselect.prompts.budget import ImageBudget
from invariantselect.prompts.layouts import Layout, Shown, Turn, images_first, interleaved
from invariantselect.prompts.wording import AnswerTemplate, Choices, Enumeration, instructions

if TYPE_CHECKING:
    from invariantselect.prompts.pictures import Picture

__all__ = [
    "DEFAULT_ANSWER_TEMPLATE",
    "DEFAULT_QUESTION",
    "ChoicesInput",
    "Labelled",
    "Prompt",
    "PromptOptions",
    "build_prompt",
]

DEFAULT_QUESTION = "What is the label of this image?"
DEFAULT_ANSWER_TEMPLATE = "Answer: {label}"

ChoicesInput: TypeAlias = Sequence[str] | Literal["from_demonstrations"] | None

_LAYOUTS = {"interleaved": interleaved, "images_first": images_first}


class PromptOptions(TypedDict, total=False):
    """What every vendor's prompt is built from.

    choices: Labels to list in the system text. Left out, none are listed and the model may answer anything;
        ``"from_demonstrations"`` lists the distinct labels of the demonstrations, sorted.
    enumeration: ``"letters"`` or ``"numbers"`` to mark the choices A., B., … or 1., 2., …
    answer_template: How an answer is written, see `AnswerTemplate`; demonstrations are answered with it.
    system: The user's own system text; it stands before the choices and the form of the answer.
    layout: ``"interleaved"`` (default) or ``"images_first"``.
    budget: What the images may cost.
    query_image: A path, bytes, an open file, a Pillow image or a data URI, instead of the image that the selection was
        made for.
    """

    choices: ChoicesInput
    enumeration: Enumeration | None
    answer_template: str
    system: str | None
    layout: Layout
    budget: ImageBudget
    query_image: ImageInput | None


@dataclass(frozen=True)
class Labelled:
    """A demonstration to be shown: its id (for errors), its label and its encoded image file."""

    id: str
    label: str
    image: bytes


@dataclass(frozen=True)
class Prompt:
    """What a vendor's renderer reads: the system text, and turns that end with the query."""

    system: str
    turns: tuple[Turn, ...]


def build_prompt(
    demonstrations: Sequence[Labelled],
    *,
    question: str = DEFAULT_QUESTION,
    choices: ChoicesInput = None,
    enumeration: Enumeration | None = None,
    answer_template: str = DEFAULT_ANSWER_TEMPLATE,
    system: str | None = None,
    layout: Layout = "interleaved",
    budget: ImageBudget | None = None,
    query_image: ImageInput | None = None,
) -> Prompt:
    """The prompt that shows the demonstrations in their order and then asks about the query.

    Everything before the query's own image depends on the demonstrations and options alone, byte for byte, so that a
    vendor's prompt cache finds it again.

    Args:
        demonstrations: In prompt order; none makes a zero-shot prompt with the same question.
        question: Asked of every image.
        choices: See `PromptOptions`, as for the rest.
        enumeration: …
        answer_template: …
        system: …
        layout: …
        budget: …
        query_image: Needed here.

    Raises:
        PromptInvalidError: No query image, a blank question, an unknown layout, a label outside `choices`, choices or
            a template that break their rules, or a budget that can't be met.
        ImageNotFoundError: The path of the query image can't be read.
        ImageUnreadableError: An image is damaged; `ImageTooLargeError` and `ImageFormatUnsupportedError` likewise.
    """
    if query_image is None:
        raise PromptInvalidError(
            "there is no image of the query",
            hint="Select by image with images=True, or give query_image= (a path, bytes or a Pillow image).",
        )
    if not question.strip():
        raise PromptInvalidError("the question is blank")
    if layout not in _LAYOUTS:
        raise PromptInvalidError(f"the layout {layout!r} is none of {', '.join(_LAYOUTS)}")
    template = AnswerTemplate(answer_template)
    listed = _choices(choices, enumeration, [demonstration.label for demonstration in demonstrations])
    answers = [
        template.render(shown.label, listed.mark_of(shown.label) if listed else None) for shown in demonstrations
    ]
    text = instructions(template, listed, system)

    pictures, query = _fitted(demonstrations, image_bytes(query_image), budget or ImageBudget())
    shown = [Shown(picture, answer) for picture, answer in zip(pictures, answers, strict=True)]
    return Prompt(text, _LAYOUTS[layout](shown, query, question))


def _fitted(demonstrations: Sequence[Labelled], query: bytes, budget: ImageBudget) -> tuple[list[Picture], Picture]:
    """The query may take 1/(n + 1) of the total; the demonstrations share the rest and never depend on the query."""
    from invariantselect.prompts.pictures import fit_all  # here: Pillow loads with the first prompt

    query_share = budget.max_total_bytes // (len(demonstrations) + 1)
    files = [(f"the image of {shown.id!r}", shown.image) for shown in demonstrations]
    pictures = fit_all(files, budget, most=budget.max_total_bytes - query_share)
    return pictures, fit_all([("the query image", query)], budget, most=query_share)[0]


def _choices(choices: ChoicesInput, enumeration: Enumeration | None, labels: Iterable[str]) -> Choices | None:
    if choices is None:
        if enumeration is not None:
            raise PromptInvalidError(
                "enumeration is given without choices", hint="Give choices, or 'from_demonstrations'."
            )
        return None
    if choices == "from_demonstrations":
        # sorted: the beginning of the prompt depends on the set of labels, not on the order they are shown in
        return Choices(sorted(set(labels)), enumeration)
    return Choices(choices, enumeration)
