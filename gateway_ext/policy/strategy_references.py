"""What models.yaml says about strategies and context windows that only shows between its models."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_ext.policy import schema
from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.yaml_source import Source


def window_faults(source: Source, file: schema.ModelsFile) -> Iterator[Problem]:
    """Models that are named as larger ones but hold no more."""
    for name, model in file.models.items():
        larger = file.models.get(model.larger) if model.larger is not None else None
        if larger is not None and _window_tokens(larger) <= _window_tokens(model):
            message = f"'{model.larger}' holds no more than '{name}': {_window_tokens(larger)} tokens; raise its context_tokens"
            yield source.problem(("models", name, "larger"), message)


def _window_tokens(model: schema.Model) -> int:
    return max(each.context_tokens or model.context_tokens for each in model.deployments)


def shadow_faults(source: Source, file: schema.ModelsFile) -> Iterator[Problem]:
    """Copies for a model that does not exist, or that has the requests already."""
    for name, model in file.models.items():
        if model.shadow is None:
            continue
        location = ("models", name, "shadow", "model")
        if model.shadow.model == name:
            yield source.problem(location, f"copies the requests of '{name}' to itself; name another model")
        elif model.shadow.model not in file.models:
            message = f"no model '{model.shadow.model}'{suggestion(model.shadow.model, file.models)}"
            yield source.problem(location, message)


def shadow_warnings(
    source: Source, providers: schema.ProvidersFile, models: schema.ModelsFile, tiers: tuple[str, ...]
) -> Iterator[Problem]:
    """Copies that would never be sent. `tiers`: least sovereign first."""
    entries = catalog(providers, models)
    for name, model in models.models.items():
        if model.shadow is None:
            continue
        other = model.shadow.model
        own = {entries[each.cluster(name)].tier for each in model.deployments}
        best = max((entries[each.cluster(other)].tier for each in models.models[other].deployments), key=tiers.index)
        if all(tiers.index(best) < tiers.index(tier) for tier in own):
            message = (
                f"'{other}' is at most in tier '{best}', less sovereign than all of '{name}': it never gets a copy"
            )
            yield source.problem(("models", name, "shadow", "model"), message)
