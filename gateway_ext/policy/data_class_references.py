"""Data classes that name classes which do not exist, imply themselves, or may go nowhere; labels that mean nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gateway_ext.policy.compile_catalog import catalog
from gateway_ext.policy.compile_data_classes import implied_by
from gateway_ext.policy.data_classes_schema import DataClasses
from gateway_ext.policy.deployment_selector import selected
from gateway_ext.policy.problems import Problem, suggestion
from gateway_ext.policy.yaml_source import Location, Source
from gateway_ext.routing.data_classes import SOVEREIGN

if TYPE_CHECKING:
    from gateway_ext.policy.references import PolicyFiles

_PLACE: Location = ("data_classes",)


def data_class_faults(source: Source, written: DataClasses) -> Iterator[Problem]:
    """Names that are no class, and classes that imply themselves."""
    if SOVEREIGN in written.classes:
        message = f"'{SOVEREIGN}' is the class of what guard.yaml marks so, and 'sovereign' above says where it may go"
        yield source.problem((*_PLACE, "classes", SOVEREIGN), f"{message}; choose another name", of_key=True)
    for location, name in _named(written):
        if name not in written.classes:
            yield source.problem((*_PLACE, *location), f"no class '{name}'{suggestion(name, written.classes)}")
    for name in written.classes:
        if name in implied_by(name, written):
            message = f"'{name}' comes to imply itself; of two classes only one can imply the other"
            yield source.problem((*_PLACE, "classes", name, "implies"), message, of_key=True)
            return  # all of its circle would say the same


def _named(written: DataClasses) -> Iterator[tuple[Location, str]]:
    for name, each in written.classes.items():
        yield from ((("classes", name, "implies", position), other) for position, other in enumerate(each.implies))
    if written.default is not None:
        yield ("default",), written.default
    yield from ((("defaults", position, "class"), each.name) for position, each in enumerate(written.defaults))


def data_class_warnings(sources: Mapping[str, Source], files: PolicyFiles) -> Iterator[Problem]:
    """Classes whose content is refused everywhere, and front ends whose labels nobody understands."""
    source, written = sources["routing.yaml"], files.routing.data_classes
    if written is None:
        for name, front_end in files.identity.front_ends.items():
            if front_end.labels_header is not None:
                message = "routing.yaml has no 'data_classes', so every label will be refused"
                yield sources["identity.yaml"].problem(("front_ends", name, "labels_header"), message)
        return
    entries = catalog(files.providers, files.models)
    for name, each in written.classes.items():
        if each.allow is not None and not selected(each.allow, files.routing.tier_names, entries):
            message = f"no deployment may see content that is {name}, so it will be refused"
            yield source.problem((*_PLACE, "classes", name, "allow"), message, of_key=True)
