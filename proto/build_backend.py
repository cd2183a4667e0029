"""PEP 517 backend: setuptools, with the protobuf modules compiled first."""

import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta

sys.path.insert(0, str(Path(__file__).resolve().parent))
from compile import compile_protos

PROJECT_ROOT = Path(__file__).resolve().parent.parent

get_requires_for_build_wheel = build_meta.get_requires_for_build_wheel
get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
get_requires_for_build_editable = build_meta.get_requires_for_build_editable
prepare_metadata_for_build_wheel = build_meta.prepare_metadata_for_build_wheel
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable
build_sdist = build_meta.build_sdist


def build_wheel(*args: Any, **kwargs: Any) -> str:
    """Compile, then build the wheel."""
    compile_protos(PROJECT_ROOT)
    return build_meta.build_wheel(*args, **kwargs)


def build_editable(*args: Any, **kwargs: Any) -> str:
    """Compile, then build the editable wheel."""
    compile_protos(PROJECT_ROOT)
    return build_meta.build_editable(*args, **kwargs)
