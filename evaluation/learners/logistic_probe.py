"""The linear probe: logistic regression on the demonstrations' vectors.

Source of the habit: Alain and Bengio, Understanding Intermediate Layers Using Linear Classifier Probes, 2016,
https://arxiv.org/abs/1610.01644.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Int64

from evaluation.learners.probe import Probe

__all__ = ["LogisticProbe"]


class LogisticProbe(Probe):
    """Multinomial logistic regression with an L2 penalty, by scikit-learn.

    The penalised optimum lies in the span of the demonstrations (the representer theorem: Schölkopf, Herbrich and
    Smola 2001, https://doi.org/10.1007/3-540-44581-1_27), so it is sought there: k numbers an image and not 1,280, with
    the same result.

    Args:
        c: What the demonstrations weigh against the penalty.
    """

    def __init__(self, c: float = 10.0) -> None:
        self._c = c

    @property
    def name(self) -> str:
        """``logistic``; with another penalty than the usual, that too."""
        return "logistic" if self._c == 10.0 else f"logistic c={self._c:g}"

    def _likelihoods(
        self,
        vectors: Float64[np.ndarray, "k dim"],
        labels: Int64[np.ndarray, " k"],
        query: Float64[np.ndarray, " dim"],
    ) -> Float64[np.ndarray, " shown"]:
        from sklearn import config_context
        from sklearn.linear_model import LogisticRegression

        basis, _ = np.linalg.qr(vectors.T)
        with config_context(assume_finite=True, skip_parameter_validation=True):
            fitted = LogisticRegression(C=self._c, solver="newton-cholesky").fit(vectors @ basis, labels)
            likely: Float64[np.ndarray, " shown"] = fitted.predict_proba((query @ basis)[None])[0]
        return likely
