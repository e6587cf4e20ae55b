"""A large multimodal model as a learner: any endpoint that speaks OpenAI's chat completions, one idea a file."""

from evaluation.learners.lmm.account import Account
from evaluation.learners.lmm.asking import Lmm
from evaluation.learners.lmm.budget import Spent
from evaluation.learners.lmm.options import LmmOptions

__all__ = ["Account", "Lmm", "LmmOptions", "Spent"]
