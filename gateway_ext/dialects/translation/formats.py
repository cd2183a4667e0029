"""Answers in a form that a program reads: OpenAI's `response_format` and Anthropic's `output_config.format`."""

from __future__ import annotations

import re
from typing import Any

from gateway_ext.dialects.translation.fields import Members

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # as OpenAI demands
_NAMELESS = "answer"


def to_messages(form: Members | None) -> dict[str, Any] | None:
    """`output_config.format`; None: plain text. The schema's name becomes its title, as JSON Schema calls it."""
    if form is None:
        return None
    kind = form.text("type")
    if kind == "text":
        form.end()
        return None
    if kind != "json_schema":
        form.refuse("type", "JSON can only be asked for with a schema")
    named = form.object("json_schema")
    named.only("strict", True, False)  # answers always keep to the schema
    annotations = {"title": named.text("name"), "description": named.optional_text("description")}
    schema = named.mapping("schema") or {"type": "object"}
    if annotations["description"] is not None and "description" in schema:
        named.refuse("description", "the schema has one of its own")
    named.end()
    return form.onto({"type": "json_schema", "schema": {**_without_nulls(annotations), **schema}})


def to_chat(form: Members | None) -> dict[str, Any] | None:
    """`response_format`; None: plain text."""
    if form is None:
        return None
    if form.text("type") != "json_schema":
        form.refuse("type")
    schema = form.mapping("schema") or {}
    title = schema.get("title")
    name = title if isinstance(title, str) and _NAME.fullmatch(title) else _NAMELESS
    said = {"name": name, "schema": schema, "strict": True}
    return {"type": "json_schema", "json_schema": form.onto(said)}


def _without_nulls(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
