"""The entries of docs/providers.md as policy: each with a model of its own name."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")


def entries() -> str:
    """All of them, as the content of `providers`."""
    return "".join(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def names() -> list[str]:
    return re.findall(r"^  ([a-z-]+):$", entries(), re.MULTILINE)


def written_to(directory: Path) -> Path:
    """The shipped policy with these providers instead of its own."""
    shutil.copytree(ROOT / "policies", directory)
    (directory / "providers.yaml").write_text(f"providers:\n{entries()}")
    deployments = "".join(
        f"  model-at-{name}: {{deployments: [{{provider: {name}, model: some, price: {{input: 1, output: 1}}}}]}}\n"
        for name in names()
    )
    (directory / "models.yaml").write_text(f"models:\n{deployments}")
    (directory / "prices.yaml").unlink()
    return directory
