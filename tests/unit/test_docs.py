"""The documentation names what exists, all of it, and nothing else."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import importlib
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from gateway_ext import errors
from gateway_ext.audit import semconv
from gateway_ext.audit.events import EventName
from gateway_ext.cli.main import COMMANDS
from gateway_ext.settings import Settings, StateLayout

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
OTLP_NAME = r"(?:gateway|gen_ai|http|url|client|service)\.[a-z_.]+"


def first_cells(document: str, heading: str) -> set[str]:
    """What stands in backquotes in the first column of the table whose heading begins with `heading`."""
    lines = iter((DOCS / document).read_text().splitlines())
    assert any(line.startswith(f"| {heading} |") for line in lines), f"{document} has no table of '{heading}'"
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(line.split("|")[1])
    return {name for cell in rows for name in re.findall(r"`([^`]+)`", cell)}


def subclasses(kind: type[errors.Refusal]) -> Iterator[type[errors.Refusal]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_refusal_is_documented_with_its_status() -> None:
    exist = {(each.code, each.http_status) for each in subclasses(errors.Refusal) if each.__module__ == errors.__name__}
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", (DOCS / "errors.md").read_text(), re.MULTILINE)
    assert {(code, int(status)) for code, status in rows} == exist
    assert len(rows) == len(exist)


def test_every_setting_is_documented() -> None:
    assert first_cells("operations.md", "setting") == {field.name for field in dataclasses.fields(Settings)}


def parts_of_the_state() -> Iterator[str]:
    """Files and directories below the state directory, as the settings name them."""
    layout = StateLayout(Path("/"))
    names = [name for name, each in vars(StateLayout).items() if isinstance(each, property)]
    yield from (
        str(path.relative_to("/")) for path in (layout.processor_socket(0), *(getattr(layout, n) for n in names))
    )


def has_row(named: set[str], path: str) -> bool:
    """Whether one of the names in a table means the path, what it lies in, or what lies in it."""
    plain = [name.rstrip("/") for name in named]
    return any(fnmatchcase(path, n) or fnmatchcase(path, f"{n}/*") or n.startswith(f"{path}/") for n in plain)


@pytest.mark.parametrize("path", sorted(parts_of_the_state()))
def test_of_every_part_of_the_state_the_documents_say_what_attackers_gain_and_what_its_loss_means(path: str) -> None:
    assert has_row(first_cells("threat-model.md", "store") | first_cells("threat-model.md", "channel"), path)
    assert has_row(first_cells("operations.md", "what"), path)


def logged() -> Iterator[str]:
    """Of each log line the longest text that is always the same."""
    for path in (PROJECT / "gateway_ext").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(
                        ast.Name("log" | "_log"), "info" | "warning" | "error" | "critical" | "exception"
                    ),
                    args=[ast.Constant(str(line)), *_],
                ):
                    yield max(re.split(r"%[.\d]*[a-z%]", line), key=len).strip(" '\n()")


def test_every_log_line_is_explained() -> None:
    explained = re.sub(r"`", "", (DOCS / "operations.md").read_text())
    lines = set(logged())
    assert len(lines) > 20
    assert {line for line in lines if line.partition(";")[0] not in explained} == set()


def commands() -> Iterator[str]:
    """As they are typed: `audit tail` where a command has commands of its own."""
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers()
        importlib.import_module(f"gateway_ext.cli.{name.replace('-', '_')}").register(subparsers)
        own = [a for a in subparsers.choices[name]._actions if isinstance(a, argparse._SubParsersAction)]
        yield from (f"{name} {each}" for action in own for each in action.choices) if own else (name,)


def test_every_command_is_documented() -> None:
    assert first_cells("cli.md", "command") == {f"gateway-ext {command}" for command in commands()}


@pytest.mark.parametrize("document", sorted([*DOCS.glob("*.md"), PROJECT / "README.md"]), ids=lambda path: path.name)
def test_no_document_names_a_command_that_does_not_exist(document: Path) -> None:
    exist = {command.split()[0] for command in commands()}
    named = set(re.findall(r"(?:^\s*(?:\$ )?|`)gateway-ext ([a-z][a-z-]*)", document.read_text(), re.MULTILINE))
    assert named <= exist


def test_every_event_is_documented() -> None:
    assert first_cells("audit.md", "event") == set(EventName)


def test_every_attribute_is_documented() -> None:
    source = Path(semconv.__file__).read_text()
    exist = set(re.findall(rf'"({OTLP_NAME})"', source)) - {"gateway_ext.audit"}
    named = set(re.findall(rf"`({OTLP_NAME})`", (DOCS / "audit.md").read_text()))
    assert named == exist


def test_links_between_documents_lead_somewhere() -> None:
    for document in [*DOCS.glob("**/*.md"), PROJECT / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name} links to {target}"
