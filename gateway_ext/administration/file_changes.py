"""What people change in files instead of by a command: policy and the providers' keys. Recorded by the control process.

Neither files nor keys are in a record: names, digests, owners, and where a policy is wrong.
"""

from __future__ import annotations

import asyncio
import json
import logging
import pwd
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from gateway_ext.administration.actor import local_user
from gateway_ext.audit.events import EventName
from gateway_ext.audit.records import OrderRecord
from gateway_ext.errors import AuditUnavailable, ConfigurationError
from gateway_ext.policy.problems import PolicyError
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.ports import AuditLog
from gateway_ext.private_files import PRIVATE, write_whole

PROBLEMS_SHOWN_MAX = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the trail already tells: the policy's digest, the SHA-256 of each of its files, each key file's version."""

    policy: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)


class FileChanges:
    """Of the policy directory and the directory of secrets. Each change is recorded once; again only when the process
    dies before `memory`, which holds what is recorded, is written, and all of it when `memory` is lost."""

    def __init__(self, audit: AuditLog, memory: Path, policies: Path, secrets: Path) -> None:
        self._audit = audit
        self._memory = memory
        self._policies = policies
        self._secrets = secrets
        self._recorded = _load(memory)
        self._refused = ""
        self._is_away = False

    async def policy_activated(self, snapshot: Snapshot) -> bool:
        """Have it recorded that `snapshot` is in force from now on. False: it is not recorded, so nothing may follow it."""
        if snapshot.digest == self._recorded.policy:
            return True
        record = activation(self._recorded, snapshot, self._policies)
        return await self._record([record], replace(self._recorded, policy=snapshot.digest, files=snapshot.files))

    async def keys_changed(self, versions: Mapping[str, str]) -> bool:
        """As `policy_activated`, of the key files, with their versions by name (envoyconf/keys.py)."""
        versions = {name: version for name, version in versions.items() if not name.startswith(".")}
        if versions == self._recorded.keys:
            return True
        records = list(key_changes(self._recorded.keys, versions, self._secrets))
        return await self._record(records, replace(self._recorded, keys=versions))

    async def policy_refused(self, error: ConfigurationError | None, in_force: str) -> None:
        """Have it recorded, once, that the directory holds no usable policy. `in_force`: the digest that stays."""
        said = error.diagnostics() if error is not None else ""
        if (
            error is None
            or said == self._refused
            or await self._record([refusal(error, in_force, self._policies)], self._recorded)
        ):
            self._refused = said

    async def _record(self, records: Iterable[OrderRecord], recorded: Recorded) -> bool:
        try:
            for record in records:
                self._audit.append(record)
            await self._audit.durable()
        except AuditUnavailable:
            if not self._is_away:
                _log.error("a change of policy or keys cannot be recorded; Envoy's files do not follow it until it is")
            self._is_away = True
            return False
        self._is_away = False
        if recorded is not self._recorded:
            self._recorded = recorded
            try:
                await asyncio.to_thread(write_whole, self._memory, json.dumps(asdict(recorded)).encode(), PRIVATE)
            except OSError as error:
                _log.error("%s cannot be written (%s); what it holds is recorded again", self._memory, error.strerror)
        return True


def activation(before: Recorded, snapshot: Snapshot, directory: Path) -> OrderRecord:
    """That `snapshot` took the place of `before`: by which files, and to whom of the machine's users these belong."""
    changed = {word: names for word, names in _differences(before.files, snapshot.files) if names}
    what = "; ".join(f"{word} {', '.join(names)}" for word, names in changed.items())
    reason = f"in place of {before.policy}; {what}" if before.policy else "the first that is recorded"
    return OrderRecord(
        name=EventName.POLICY_ACTIVATED,
        scope="policy",
        value=snapshot.digest,
        issuer="",
        actor=_owners(directory, [name for names in changed.values() for name in names]),
        user=local_user(),
        reason=reason,
    )


def refusal(error: ConfigurationError, in_force: str, directory: Path) -> OrderRecord:
    """That the directory was changed to what cannot be used, and why: places and faults, without what stands there."""
    problems = error.problems if isinstance(error, PolicyError) else ()
    shown = [
        f"{each.file}:{each.line}:{each.column} {without_values(each.message)}"
        for each in problems[:PROBLEMS_SHOWN_MAX]
    ]
    more = [f"and {len(problems) - PROBLEMS_SHOWN_MAX} more"] if len(problems) > PROBLEMS_SHOWN_MAX else []
    return OrderRecord(
        name=EventName.POLICY_REFUSED,
        scope="policy",
        value=in_force,
        issuer="",
        actor=_owners(directory, {each.file for each in problems}),
        user=local_user(),
        reason="; ".join(_printable([*shown, *more])) or "it cannot be judged",
    )


def key_changes(before: Mapping[str, str], now: Mapping[str, str], directory: Path) -> Iterator[OrderRecord]:
    """For each key file that differs: that it was added, replaced or removed, and whose it is."""
    for word, names in _differences(before, now):
        for name in names:
            yield OrderRecord(
                name=EventName.PROVIDER_KEY_CHANGED,
                scope="provider_key",
                value=name,
                issuer="",
                actor=_owners(directory, [name]),
                user=local_user(),
                reason={"changed": "replaced"}.get(word, word),
            )


def without_values(message: str) -> str:
    """A message about a policy without names and values that stand in it, quoted or listed as known ones."""
    return re.sub(r"'.*'", "'…'", message.partition("; known:")[0].partition("; did you mean")[0], flags=re.DOTALL)


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    yield "changed", _printable(sorted(name for name in before.keys() & now.keys() if before[name] != now[name]))
    yield "added", _printable(sorted(now.keys() - before.keys()))
    yield "removed", _printable(sorted(before.keys() - now.keys()))


def _printable(texts: Iterable[str]) -> list[str]:
    """Names of files may hold anything; records hold text."""
    return ["".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text) for text in texts]


def _owners(directory: Path, names: Iterable[str]) -> str:
    """The machine's users to whom the files belong that are there."""
    found = set()
    for name in names:
        try:
            found.add(_name_of((directory / name).stat().st_uid))
        except OSError:  # removed
            continue
    return ", ".join(sorted(found))


def _name_of(user_id: int, named: Callable[[int], pwd.struct_passwd] = pwd.getpwuid) -> str:
    try:
        return named(user_id).pw_name
    except KeyError:  # a user id without a name, as in many containers
        return str(user_id)


def _load(memory: Path) -> Recorded:
    """Nothing when there is none, or when it is damaged: then everything is recorded again."""
    try:
        document = json.loads(memory.read_bytes())
        return Recorded(str(document["policy"]), dict(document["files"]), dict(document["keys"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Recorded()
