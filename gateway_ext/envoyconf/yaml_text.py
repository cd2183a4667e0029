"""YAML for Envoy, through libyaml where PyYAML was built with it: callers wait for these files when the gateway starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

__all__ = ["SafeLoader", "dumped"]

if TYPE_CHECKING:
    from yaml import SafeDumper, SafeLoader
else:
    SafeDumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Dumper(SafeDumper):
    """Two places may share a value: a reader finds it written in both."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def dumped(document: Mapping[str, Any]) -> str:
    """The text of `document`, mappings in their order, without anchors. Raises yaml.YAMLError for what YAML has no form of."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120)
    return text
