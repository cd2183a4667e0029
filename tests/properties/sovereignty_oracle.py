"""Where a request may go, worked out anew from the text of a policy: naively, slowly, and by none of the gateway's functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.properties.sovereignty_policies import DETECTORS, TIERS, Written

SOVEREIGN = "sovereign"
EU = {"FR", "DE"}  # of the countries that are drawn
SPOKEN = {
    "openai": {"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"},
    "anthropic": {"/v1/messages"},
}
TRANSLATED = {
    "/v1/chat/completions": {"/v1/messages"},
    "/v1/messages": {"/v1/chat/completions"},
    "/v1/responses": {"/v1/chat/completions", "/v1/messages"},
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and what happens to it. `has_no_money`: models for which the ledger has no room. Stops are of providers.

    `held`: sticky classes that its conversation has held, as the oracle itself has seen; None: the store is out.
    """

    team: str
    endpoint: str
    model: str
    findings: tuple[str, ...] = ()
    labels: frozenset[str] = frozenset()
    are_labels_trusted: bool = False
    is_stream: bool = False
    continues_elsewhere: bool = False
    held: frozenset[str] | None = frozenset()
    has_no_money: frozenset[str] = frozenset()
    stopped_before: frozenset[str] = frozenset()
    stopped_meanwhile: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Expected:
    """`clusters` may be tried, none of which means a refusal. `lasting`: what the conversation is known by from then on."""

    model: str
    clusters: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    lasting: frozenset[str] = frozenset()
    is_substituted: bool = False


@dataclass(slots=True)
class Oracle:
    written: Written
    catalog: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.catalog = {
            cluster: self.written["providers"]["providers"][cluster.partition("/")[0]]
            for model in self.written["models"]["models"]
            for cluster in self._clusters(model)
        }

    def served_by(self, asked: Asked) -> str:
        """The model that has money; "" when none of those that policy names has, or the caller may not use one on the way."""
        model: str = asked.model
        while model and self._granted(asked, model, own=True):
            if model not in asked.has_no_money:
                return model
            model = self.written["models"]["models"][model].get("degrade_to", "")
        return ""

    def models_behind(self, model: str) -> set[str]:
        """Itself, and the models to which policy leads from there, for want of money or of context."""
        written = self.written["models"]["models"][model]
        further = [written[key] for key in ("degrade_to", "larger") if key in written]
        return {model}.union(*(self.models_behind(each) for each in further))

    def expected(self, asked: Asked, model: str, *, is_degraded: bool | None = None, is_long: bool = False) -> Expected:
        """What may become of a request for which `model` stands in, if any. `is_degraded` None: if it is another one.

        What `is_long` may be too long for any of the model's own, so that those in their place serve it.
        """
        nothing = Expected(model)
        own = self._granted(asked, model, own=True) if model else set()
        if not own:
            return nothing
        judged = self._classes(asked)
        if judged is None:
            return nothing
        classes, lasting = judged
        left = own | self._granted(asked, model, own=False)
        for name in classes:
            left &= self._allowed_for(name)
        left = self._ruled(asked, model, classes, left, model != asked.model if is_degraded is None else is_degraded)
        stay = left if is_long else left & own or left
        running = {each for each in stay if each.partition("/")[0] not in asked.stopped_meanwhile}
        return Expected(model, frozenset(running), classes, lasting, is_substituted=not stay & own)

    def copies(self, asked: Asked, model: str, first: str, classes: frozenset[str], *, is_degraded: bool) -> set[str]:
        """Where a copy of a request for `model` may go, which itself goes to `first`."""
        shadow = self.written["models"]["models"][model].get("shadow")
        if shadow is None:
            return set()
        left = {each for each in self._clusters(shadow["model"]) if self._is_granted(asked, model, each)}
        for name in classes:
            left &= self._allowed_for(name)
        left = self._ruled(asked, model, classes, left, is_degraded)
        return {
            each
            for each in left - {first}
            if each.partition("/")[0] not in asked.stopped_meanwhile
            and TIERS.index(self.catalog[each]["tier"]) >= TIERS.index(self.catalog[first]["tier"])
        }

    def is_native(self, cluster: str, endpoint: str) -> bool:
        """Whether a deployment understands the endpoint without translation."""
        return endpoint in SPOKEN[self.catalog[cluster]["dialect"]]

    def sticky(self) -> set[str]:
        classes = self.written["routing"]["data_classes"]["classes"]
        return {name for name, each in classes.items() if each["sticky"]}

    def _clusters(self, model: str) -> list[str]:
        written = self.written["models"]["models"][model]
        return [f"{each['provider']}/{each['model']}" for each in written["deployments"]]

    def _granted(self, asked: Asked, model: str, *, own: bool) -> set[str]:
        """Those of a model, or of the one named in its place, that access rules grant and nobody has stopped."""
        name = model if own else self.written["models"]["models"][model].get("otherwise", "")
        clusters = set(self._clusters(name)) - (set() if own else set(self._clusters(model))) if name else ()
        return {each for each in clusters if self._is_granted(asked, name, each)}

    def _is_granted(self, asked: Asked, model: str, cluster: str) -> bool:
        """Whether who may ask for a model may have a deployment that serves the request, and nobody has stopped."""
        return (
            any(
                "tiers" not in rule or self.catalog[cluster]["tier"] in rule["tiers"]
                for rule in self.written["access"]["access"]
                if self._grants(rule, asked, model)
            )
            and cluster.partition("/")[0] not in asked.stopped_before
            and bool({asked.endpoint, *TRANSLATED.get(asked.endpoint, ())} & SPOKEN[self.catalog[cluster]["dialect"]])
        )

    @staticmethod
    def _grants(rule: dict[str, Any], asked: Asked, model: str) -> bool:
        return (
            any(fnmatchcase(model, pattern) for pattern in rule["models"])
            and asked.team in rule.get("teams", [asked.team])
            and asked.endpoint in rule.get("endpoints", [asked.endpoint])
        )

    def _classes(self, asked: Asked) -> tuple[frozenset[str], frozenset[str]] | None:
        """The classes of a request, and those that last; None: it is refused."""
        said = self.written["routing"]["data_classes"]
        certain: set[str] = set()
        for detector in asked.findings:
            rule = self._rule(detector)
            if rule["action"] == "block":
                return None
            certain |= {SOVEREIGN} if rule["sovereign"] else set()
            for name, each in said["classes"].items():
                counted = ["log", "redact"] if said["counts_redacted"] else ["log"]
                if detector in each["from"]["detectors"] and rule["action"] in each["from"].get("actions", counted):
                    certain.add(name)
        for label in asked.labels:
            certain |= {name for name, each in said["classes"].items() if label in (name, *each["from"]["labels"])}
        if self.sticky():
            if asked.held is None:
                certain |= self.sticky()
            elif asked.continues_elsewhere and said["unknown_history"] != "allow":
                if said["unknown_history"] == "refuse":
                    return None
                certain |= self.sticky()
            certain |= asked.held or set()
        certain = self._closed(certain)
        default = "" if asked.are_labels_trusted and asked.labels else self._default(asked.team)
        everything = certain | (self._closed({default}) if default else set())
        return frozenset(everything), frozenset(certain & self.sticky())

    def _rule(self, detector: str) -> dict[str, Any]:
        guard = self.written["guard"]
        rule: dict[str, Any] = guard["detectors"].get(detector) or guard["classes"][DETECTORS[detector]]
        return rule

    def _default(self, team: str) -> str:
        said = self.written["routing"]["data_classes"]
        own = [each["class"] for each in said.get("defaults", []) if team in each["teams"]]
        return str(own[0] if own else said.get("default", ""))

    def _closed(self, names: Collection[str]) -> set[str]:
        """With all that these imply."""
        found = set(names)
        for name in names:
            each = self.written["routing"]["data_classes"]["classes"].get(name, {})
            found |= self._closed(each.get("implies", []))
        return found

    def _allowed_for(self, name: str) -> set[str]:
        if name == SOVEREIGN:
            sovereign = self.written["routing"]["sovereign"]
            return {
                cluster
                for cluster, provider in self.catalog.items()
                if provider["tier"] in sovereign["tiers"] and provider["jurisdiction"] in sovereign["jurisdictions"]
            }
        return self._selected(self.written["routing"]["data_classes"]["classes"][name].get("allow", {}))

    def _selected(self, selector: dict[str, Any]) -> set[str]:
        return {cluster for cluster in self.catalog if all(self._conditions(selector, cluster))}

    def _conditions(self, selector: dict[str, Any], cluster: str) -> Iterator[bool]:
        provider = self.catalog[cluster]
        for key, wanted in selector.items():
            match key:
                case "tiers":
                    yield provider["tier"] in wanted
                case "at_least":
                    yield TIERS.index(provider["tier"]) >= TIERS.index(wanted)
                case "jurisdictions":
                    yield provider["jurisdiction"] in wanted or ("EU" in wanted and provider["jurisdiction"] in EU)
                case "providers":
                    yield cluster.partition("/")[0] in wanted
                case "deployments":
                    yield cluster in wanted

    def _ruled(self, asked: Asked, model: str, classes: frozenset[str], left: set[str], is_degraded: bool) -> set[str]:
        for rule in self.written["routing"]["rules"]:
            if model not in rule.get("models", [model]) or not left:
                continue
            if "when" in rule and not self._holds(rule["when"], asked, model, classes, is_degraded):
                continue
            if "deny" in rule:
                return set()
            if "only" in rule:
                left = left & self._selected(rule["only"])
            if "without" in rule:
                left = left - self._selected(rule["without"])
            if rule["stop"]:
                break
        return left

    @staticmethod
    def _holds(condition: str, asked: Asked, model: str, classes: frozenset[str], is_degraded: bool) -> bool:
        return {
            "'c0' in data.classes": "c0" in classes,
            "!('sovereign' in data.classes)": SOVEREIGN not in classes,
            "'c1' in data.labels": "c1" in asked.labels,
            "'iban' in data.detectors": "iban" in asked.findings,
            "caller.team == 'a'": asked.team == "a",
            "request.is_stream": asked.is_stream,
            "request.model == 'm1'": model == "m1",
            "budget.degraded": is_degraded,
        }[condition]
