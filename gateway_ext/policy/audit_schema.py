"""The shape of audit.yaml, and what in it names classes that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Annotated

from pydantic import Field, model_validator

from gateway_ext.audit.rules import (
    RETENTION_DAYS,
    RETENTION_DAYS_FLOOR,
    AuditRules,
    EventGroup,
    Principals,
    RetentionRules,
    SourceAddresses,
)
from gateway_ext.policy import fields
from gateway_ext.policy.data_classes_schema import DataClasses
from gateway_ext.policy.fields import fault
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.section import Section
from gateway_ext.policy.yaml_source import Source
from gateway_ext.routing.data_classes import SOVEREIGN

Days = Annotated[int, Field(ge=1, le=36_500)]
LaxPrincipals = Annotated[Principals, Field(strict=False)]
LaxAddresses = Annotated[SourceAddresses, Field(strict=False)]
LaxGroup = Annotated[EventGroup, Field(strict=False)]  # lax: from the enum's text


class Retention(Section):
    days: Days = RETENTION_DAYS
    by_data_class: dict[fields.Name, Days] = Field(default_factory=dict)
    by_event_group: dict[LaxGroup, Days] = Field(default_factory=dict)
    below_floor_because: fields.Line = ""

    @model_validator(mode="after")
    def _is_long_enough(self) -> Retention:
        written = [("days", self.days), *self.by_data_class.items(), *self.by_event_group.items()]
        short = [name for name, days in written if days < RETENTION_DAYS_FLOOR]
        if short and not self.below_floor_because:
            raise fault(
                f"keeps records less than {RETENTION_DAYS_FLOOR} days ({', '.join(short)}), the time that the law asks"
                " for of many systems; write more, or say why in 'below_floor_because'"
            )
        if self.below_floor_because and not short:
            raise fault(f"has 'below_floor_because', but nothing is below {RETENTION_DAYS_FLOOR} days; remove it")
        return self


class AuditFile(Section):
    retention: Retention = Retention()
    principals: LaxPrincipals = Principals.PLAIN
    source_addresses: LaxAddresses = SourceAddresses.KEEP


def audit_faults(source: Source, written: AuditFile, classes: DataClasses | None) -> Iterator[Problem]:
    """Classes of content that routing.yaml does not have."""
    known = {SOVEREIGN, *(classes.classes if classes else ())}
    for name in written.retention.by_data_class:
        if name not in known:
            message = f"routing.yaml has no data class '{name}'{suggestion(name, known)}"
            yield source.problem(("retention", "by_data_class", name), message, of_key=True)


def audit_rules(written: AuditFile) -> AuditRules:
    retention = written.retention
    return AuditRules(
        retention=RetentionRules(
            days=retention.days,
            by_data_class=MappingProxyType(dict(retention.by_data_class)),
            by_event_group=MappingProxyType(dict(retention.by_event_group)),
        ),
        principals=written.principals,
        source_addresses=written.source_addresses,
    )
