"""An entry of `allow` as lines of guard.yaml, and their way into the file: everything else in it stays as it is."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from gateway_ext.errors import ConfigurationError
from gateway_ext.policy.files import Directory, read_directory
from gateway_ext.policy.guard_schema import AllowedValue
from gateway_ext.policy.loader import judge
from gateway_ext.policy.yaml_source import read_source
from gateway_ext.private_files import write_whole

FILE = "guard.yaml"

_BLOCK_KEY = re.compile(r"allow[ \t]*:[ \t]*(#.*)?", re.ASCII)
_DASH = re.compile(r"( *)- +")


def allowance_lines(value: AllowedValue) -> list[str]:
    """The lines of a block sequence's item, not indented. JSON's quoted text is YAML's, too."""
    lines = [
        f"- detector: {value.detector}",
        f"  fingerprint: {json.dumps(value.fingerprint)}",
        f"  reason: {json.dumps(value.reason, ensure_ascii=False)}",
    ]
    if value.teams:
        lines.append(f"  teams: {json.dumps(list(value.teams), ensure_ascii=False)}")
    if value.until is not None:
        lines.append(f"  until: {value.until.isoformat()}")
    return lines


def write_allowance(policies: Path, lines: list[str]) -> Path:
    """Add an entry to guard.yaml; returns the file. Raises ConfigurationError: PolicyError if it were no policy then.

    The file is replaced as a whole, so that a running gateway reads it without or with the entry.
    """
    found = read_directory(policies)
    before = judge(policies, found).snapshot.guard.allowances
    changed = with_allowance(found.files[FILE], lines)
    after = judge(policies, _replaced(found, changed)).snapshot.guard.allowances
    if len(after) != len(before) + 1 or not set(before) <= set(after):
        raise ConfigurationError(f"{policies / FILE}: the entry would change others; add it by hand")
    if set(after) == set(before):
        raise ConfigurationError(f"{policies / FILE}: has this entry already")
    path = (policies / FILE).resolve()  # a link stays one
    try:
        if path.read_bytes() != found.files[FILE]:
            raise ConfigurationError(f"{path}: was changed meanwhile; try again")
        write_whole(path, changed, path.stat().st_mode & 0o777)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written ({error.strerror}); add the entry by hand") from error
    return path


def with_allowance(data: bytes, lines: list[str]) -> bytes:
    """A valid guard.yaml with the entry as the first below `allow`. Raises ConfigurationError when that is no block."""
    source = read_source(FILE, data)
    text = data.decode()
    newline = "\r\n" if "\r\n" in text else "\n"
    if ("allow",) not in source.keys:
        end = "" if text.endswith("\n") else newline
        return (text + end + newline.join(["", "allow:", *(f"  {line}" for line in lines), ""])).encode()
    row = source.keys["allow",][0]
    written = text.split("\n")
    if not _BLOCK_KEY.fullmatch(written[row - 1].rstrip("\r")) or ("allow", 0) not in source.values:
        raise _by_hand(row)
    item_row, item_column = source.values["allow", 0]
    dash = _DASH.fullmatch(written[item_row - 1][: item_column - 1])
    if dash is None:
        raise _by_hand(row)
    return "\n".join([*written[:row], *(f"{dash[1]}{line}{newline[:-1]}" for line in lines), *written[row:]]).encode()


def _by_hand(row: int) -> ConfigurationError:
    return ConfigurationError(f"{FILE}:{row}: 'allow' is not a list with an entry a line; add the entry by hand")


def _replaced(found: Directory, data: bytes) -> Directory:
    return dataclasses.replace(found, files={**found.files, FILE: data})
