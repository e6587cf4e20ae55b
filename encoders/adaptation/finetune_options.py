"""How the back of a trunk is trained."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FinetuneOptions"]


@dataclass(frozen=True)
class FinetuneOptions:
    """How the back of a trunk is trained.

    Attributes:
        blocks: How many blocks at the end are trained; None for all of the trunk.
        side: Side of the images in pixels while training; None for the encoder's own, which open_clip's towers always
            keep.
        served_side: Side afterwards; None for the same. Crops show things larger than whole images do, so that a trunk
            trained on crops sees whole images best somewhat larger (Touvron et al., Fixing the train-test resolution
            discrepancy, 2019, https://arxiv.org/abs/1906.06423).
        views: Views of each image whose activations are kept; more is more variety, memory and waiting.
        classes_per_batch: P of the sampler.
        images_per_class: K of the sampler.
        rate: Highest learning rate of the back.
        projection_rate: Highest learning rate of the projection, and of what the objective learns.
        decay: Weight decay.
        memory: Of the running mean of the weights.
        trained_share: Of the trained weights in those that are kept; the frozen ones have the rest
            (`encoders.adaptation.interpolation.interpolated`).
        projection: Length of the vectors that the objective sees first; the projection is thrown away in the end.
        on_features: Weight of the objective on the trunk's own vectors, which are what is kept.
        style_mixing: Probability that a batch's styles are mixed; maps only.
        micro_batch: Images of a batch whose graph is in memory at once, on each device; 0 for all. The gradients are
            the same, for a second forward pass.
        cache_bytes: Memory for activations. Where it holds fewer views of each image, fewer are kept; where it doesn't
            hold two, each is made anew whenever it is drawn.
        compile: Whether the back may be compiled, on CUDA and where that saves more time than it takes.
    """

    blocks: int | None = 8
    side: int | None = 128
    served_side: int | None = 160
    views: int = 6
    classes_per_batch: int = 8
    images_per_class: int = 12
    rate: float = 1e-3
    projection_rate: float = 1e-3
    decay: float = 0.05
    memory: float = 0.99
    trained_share: float = 0.7
    projection: int = 128
    on_features: float = 0.5
    style_mixing: float = 0.5
    micro_batch: int = 0
    cache_bytes: int = 4 << 30
    compile: bool = True

    @property
    def batch(self) -> int:
        """Images of a batch, where there are so many classes and images."""
        return self.classes_per_batch * self.images_per_class
