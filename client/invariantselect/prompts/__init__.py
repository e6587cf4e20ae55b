"""Ready prompts from a selection: two layouts, an image budget, and one file for each vendor's format.

`Selection.to_openai()` and its siblings are the usual door; the functions here are pure and need no client.
"""

from invariantselect.prompts.budget import ImageBudget
from invariantselect.prompts.layouts import Layout
from invariantselect.prompts.prompt import Labelled, Prompt, PromptOptions, build_prompt
from invariantselect.prompts.wording import AnswerTemplate, Choices, Enumeration

__all__ = [
    "AnswerTemplate",
    "Choices",
    "Enumeration",
    "ImageBudget",
    "Labelled",
    "Layout",
    "Prompt",
    "PromptOptions",
    "build_prompt",
]
