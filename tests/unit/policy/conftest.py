from __future__ import annotations

import shutil
from pathlib import Path

import pytest

POLICIES = Path(__file__).parents[2] / "policies"


@pytest.fixture
def policy_dir(tmp_path: Path) -> Path:
    """A copy of a good policy that a test may spoil."""
    return Path(shutil.copytree(POLICIES / "good", tmp_path / "policies"))
