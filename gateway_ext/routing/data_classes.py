"""Which classes the content of a request is in: by what was found, by labels, by policy's default, by its conversation. Pure.

Classes form a lattice. One implies others, a request in more classes may go to fewer places, and nothing that is found
or said by a caller ever takes a class away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from gateway_ext.errors import HistoryUnknown, LabelUnknown
from gateway_ext.exchange import Finding, Labels, Principal

SOVEREIGN = "sovereign"
"""The data class of what a detector with policy's `sovereign` mark has found: allowed where SovereignRule says."""


@dataclass(frozen=True, slots=True)
class DataClass:
    """Where content of a class may go: to `clusters` only. `implies`: the classes that such content is in, too, all of them.

    `is_sticky`: a conversation that has held such content stays in the class.
    """

    name: str
    clusters: frozenset[str]
    implies: frozenset[str] = frozenset()
    is_sticky: bool = False


_NONE: frozenset[str] = frozenset()


class UnknownHistory(StrEnum):
    """What becomes of a request that goes on with what a provider keeps, when nobody knows what that is."""

    SOVEREIGN = "sovereign"  # as though it had held every sticky class
    ALLOW = "allow"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class DefaultClass:
    """The class of whatever callers send who meet all conditions; an empty one is met by everybody."""

    name: str
    teams: frozenset[str] = frozenset()
    applications: frozenset[str] = frozenset()
    purposes: frozenset[str] = frozenset()

    def concerns(self, caller: Principal) -> bool:
        return (
            (not self.teams or caller.team in self.teams)
            and (not self.applications or caller.application in self.applications)
            and (not self.purposes or caller.purpose in self.purposes)
        )


@dataclass(frozen=True, slots=True)
class Classes:
    """`names` with all that they imply. `reasons` tell where they come from, in names of policy only.

    `lasting`: the sticky ones that its conversation is to be remembered by; policy's default needs no remembering.
    """

    names: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    lasting: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Classification:
    """How content comes into its classes. `by_finding`: by detector and action; `by_label`: by what headers may say.

    `defaults`: the first that concerns the caller counts, else `default` ("": none). `sticky` is derived.
    """

    classes: Mapping[str, DataClass] = field(default_factory=dict)
    by_finding: Mapping[tuple[str, str], frozenset[str]] = field(default_factory=dict)
    by_label: Mapping[str, frozenset[str]] = field(default_factory=dict)
    default: str = ""
    defaults: tuple[DefaultClass, ...] = ()
    unknown_history: UnknownHistory = UnknownHistory.SOVEREIGN
    kept_days: int = 30  # how long it is known what a conversation has held
    sticky: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        sticky = frozenset(name for name, each in self.classes.items() if each.is_sticky)
        object.__setattr__(self, "sticky", sticky)  # frozen


def classes_of(findings: Sequence[Finding], labels: Labels, caller: Principal, rules: Classification) -> Classes:
    """The classes of a request as such, whatever its conversation has held. Raises LabelUnknown.

    Labels of a trusted front end take the place of policy's default; anybody else's only add to it.
    """
    default, reasons = ("", ()) if labels.are_trusted and labels.names else _default(caller, rules)
    always = _with_implied((default,), rules) if default else _NONE
    if not findings and not labels.names:
        return Classes(always, reasons)
    found, labelled = found_in(findings, rules), _labelled(labels, rules)
    reasons = (
        *(f"found:{name}" for name in sorted(found)),
        *(f"label:{name}" for name in sorted(labelled)),
        *reasons,
    )
    names = _with_implied(found | labelled, rules)
    return Classes(names | always, reasons, _lasting(names, rules))


def found_in(findings: Iterable[Finding], rules: Classification) -> frozenset[str]:
    """The classes that findings put a text in, of a request or of an answer; without what these imply."""
    found: set[str] = set()
    for finding in findings:
        found |= rules.by_finding.get((finding.detector, finding.action), _NONE)
        if finding.sovereign:
            found.add(SOVEREIGN)
    return frozenset(found)


def is_lasting(finding: Finding, rules: Classification) -> bool:
    """Whether a conversation is to be remembered by it."""
    return not rules.sticky.isdisjoint(_with_implied(found_in((finding,), rules), rules))


def lasting_in(findings: Iterable[Finding], rules: Classification) -> frozenset[str]:
    """What a conversation is to be remembered by in whose answer these were found."""
    return _lasting(_with_implied(found_in(findings, rules), rules), rules)


def with_held(classes: Classes, held: Iterable[str], rules: Classification) -> Classes:
    """With those that the conversation has held. One that policy has given up since might have been any sticky one."""
    names = frozenset(held)
    if not names <= rules.classes.keys():
        return _with_all_sticky(classes, "history:renamed", rules)
    if not names:
        return classes
    reasons = (f"sticky:{name}" for name in sorted(names - classes.names))
    everything = classes.names | _with_implied(names, rules)
    return Classes(everything, (*classes.reasons, *reasons), _lasting(classes.lasting | names, rules))


def with_unknown_history(classes: Classes, rules: Classification) -> Classes:
    """For a request that goes on with what a provider keeps and nobody here knows. Raises HistoryUnknown."""
    if rules.unknown_history is UnknownHistory.REFUSE:
        raise HistoryUnknown
    if rules.unknown_history is UnknownHistory.ALLOW:
        return classes
    return _with_all_sticky(classes, "history:unknown", rules)


def with_history_out_of_reach(classes: Classes, rules: Classification) -> Classes:
    """When it cannot be told what any conversation has held."""
    return _with_all_sticky(classes, "history:unavailable", rules)


def require_known(labels: Labels, rules: Classification) -> None:
    """Raises LabelUnknown, for a label that policy gives no meaning."""
    if not labels.names <= rules.by_label.keys():
        raise LabelUnknown


def _labelled(labels: Labels, rules: Classification) -> frozenset[str]:
    require_known(labels, rules)
    return frozenset(name for label in labels.names for name in rules.by_label[label])


def _default(caller: Principal, rules: Classification) -> tuple[str, tuple[str, ...]]:
    """The class, and the reason where it is not everybody's."""
    for each in rules.defaults:
        if each.concerns(caller):
            return each.name, (f"default:{each.name}",)
    return rules.default, ()


def _with_all_sticky(classes: Classes, reason: str, rules: Classification) -> Classes:
    names = classes.names | _with_implied(rules.sticky, rules)
    return Classes(names, (*classes.reasons, reason), _lasting(rules.sticky, rules))


def _lasting(names: Iterable[str], rules: Classification) -> frozenset[str]:
    """The sticky ones among `names`, without those that others of them imply."""
    sticky = rules.sticky.intersection(names)
    return sticky - {implied for name in sticky for implied in rules.classes[name].implies}


def _with_implied(names: Iterable[str], rules: Classification) -> frozenset[str]:
    classes = rules.classes
    return frozenset(names).union(*[classes[name].implies for name in names if name in classes])
