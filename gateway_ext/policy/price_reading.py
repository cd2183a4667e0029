"""The files that say what deployments cost, read without the rest of the policy: for looking at prices and comparing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway_ext.budget.prices import Schedule
from gateway_ext.policy.diagnosis import diagnose
from gateway_ext.policy.files import read_directory
from gateway_ext.policy.price_book import price_faults, schedules
from gateway_ext.policy.prices_schema import PricesFile
from gateway_ext.policy.problems import PolicyError, Problem
from gateway_ext.policy.schema import FILES, BudgetsFile, ModelsFile
from gateway_ext.policy.yaml_source import Source, read_source

_REQUIRED = ("models.yaml", "budgets.yaml")
_PRICES = "prices.yaml"


@dataclass(frozen=True, slots=True)
class PriceFiles:
    """Each in its own shape, and where everything stood."""

    directory: Path
    sources: Mapping[str, Source]
    models: ModelsFile
    budgets: BudgetsFile
    prices: PricesFile

    def schedules(self) -> Mapping[str, Schedule]:
        """The prices of all deployments that have one, by cluster."""
        return schedules(self.models, self.prices, self.budgets)

    def faults(self, now_unix_nano: int) -> list[Problem]:
        """What keeps a policy with these files from being loaded."""
        shapes = {"models.yaml": self.models, "budgets.yaml": self.budgets, _PRICES: self.prices}
        return sorted(price_faults(self.sources, shapes, now_unix_nano))


def read_prices(path: Path, policies: Path) -> PriceFiles:
    """Of a policy directory; or of one price book, with the other files from the directory `policies`.

    Raises PolicyError with all that is wrong with the shape of the files.
    """
    directory = path if path.is_dir() else policies
    found = read_directory(directory)
    files = {name: data for name, data in found.files.items() if name in (*_REQUIRED, _PRICES)}
    problems = [problem for problem in found.problems if problem.file in (*_REQUIRED, _PRICES, ".")]
    if not path.is_dir():
        try:
            files[_PRICES] = path.read_bytes()
        except OSError as error:
            reason = f"cannot be read ({error.strerror}); give a policy directory or a price book"
            raise PolicyError(path.parent, [Problem(path.name, 1, 1, reason)]) from error
    sources = {name: read_source(name, data) for name, data in files.items()}
    problems += [problem for source in sources.values() for problem in source.problems]
    shapes: dict[str, Any] = {}
    for name, source in sources.items():
        if source.is_readable:
            try:
                shapes[name] = FILES[name].model_validate(source.document, context={})
            except ValidationError as error:
                problems += diagnose(source, FILES[name], error)
    if problems:
        raise PolicyError(directory, problems)
    prices = shapes.get(_PRICES) or PricesFile()
    return PriceFiles(directory, sources, shapes["models.yaml"], shapes["budgets.yaml"], prices)
