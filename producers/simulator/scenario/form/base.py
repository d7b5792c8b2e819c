"""What all forms have in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Form(BaseModel):
    """A mapping of a scenario file: unknown fields are errors, and no type is bent into another.

    Names in the file are the aliases; the attributes are those of the value that is made of it.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Ratio = Annotated[float, Field(ge=0, le=1, title="share, 0..1")]
Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
Celsius = Annotated[float, Field(ge=-40, le=70, title="°C")]
