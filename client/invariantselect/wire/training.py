"""How encoders are trained, as an adaptation and an evaluation are asked."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from invariantselect.wire.base import Sent
from invariantselect.wire.objectives import ObjectiveName, ObjectiveOption, check_options

DepthName: TypeAlias = Literal["auto", "closed_form", "head", "finetune"]


class TrainingOptions(Sent):
    """What a head and a trunk are trained with."""

    objective: ObjectiveName = Field(default="cci", description="What head and trunk are trained with.")
    options: dict[str, ObjectiveOption] = Field(
        default_factory=dict,
        max_length=32,
        description="Of the objective; those left out have their defaults.",
        examples=[{"temperature": 0.07}],
    )
    blocks: int | None = Field(
        default=8,
        ge=1,
        le=1000,
        description="How many blocks at the end of the encoder's trunk fine-tuning trains; null for all of it.",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="Of everything that is drawn.")

    @field_validator("options")
    @classmethod
    def _of_the_objective(cls, options: dict[str, ObjectiveOption], info: ValidationInfo) -> dict[str, ObjectiveOption]:
        if "objective" not in info.data:
            return options  # that is what is wrong
        try:
            check_options(info.data["objective"], options)
        except ValueError as error:
            raise PydanticCustomError("objective_options", "{said}", {"said": str(error)}) from None
        return options
