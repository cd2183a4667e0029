"""What every section of a policy file has in common, and the kinds of value that several files use."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from gateway_ext.exchange import CredentialClass
from gateway_ext.policy import fields
from gateway_ext.policy.fields import fault

Names = Annotated[tuple[fields.Line, ...], fields.ONCE]
LaxClass = Annotated[CredentialClass, Field(strict=False)]  # lax: from the enum's text


class Section(BaseModel):
    """Unknown keys are errors, values are taken as written (no text where a number belongs), nothing can be changed."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    nullable: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*", mode="before")
    @classmethod
    def _has_a_value(cls, value: Any, info: ValidationInfo) -> Any:
        """`groups:` with nothing behind it must not come to mean the same as no `groups` at all."""
        if value is None and info.field_name not in cls.nullable:
            raise fault("has no value; write one, or remove the key where it is optional")
        return value
