"""The words of a dialect's requests: what the Guard need not read, because the protocol says it and not the caller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_JSON_SCHEMA = """
    $anchor $comment $defs $id $ref $schema additionalProperties allOf anyOf const default definitions dependentRequired
    dependentSchemas deprecated description else enum examples exclusiveMaximum exclusiveMinimum if items maxItems
    maxLength maximum minItems minLength minimum multipleOf not nullable oneOf parameters pattern patternProperties
    prefixItems properties propertyNames readOnly required schema then title unevaluatedItems unevaluatedProperties
    uniqueItems writeOnly
"""
JSON_SCHEMA_KEYS = frozenset(_JSON_SCHEMA.split())
"""Every dialect describes the arguments of tools in it."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A key listed here may be printed in a finding's place, and the Guard need not read it; any other is the caller's own.

    Leaving a word out costs a little time; it never lets anything pass unread.
    """

    keys: frozenset[str]
    values: Mapping[str | int, frozenset[str]]  # by key: values that are words as well, and not read
    roles: frozenset[str]
    interpreted: frozenset[str]  # top-level fields on which decisions rest
    role_of_field: Mapping[str, str] = field(default_factory=dict)  # of what stands in a top-level field
    role_of_type: Mapping[str, str] = field(default_factory=dict)  # of what stands in an object of that `type`
