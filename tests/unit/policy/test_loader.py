from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from gateway_ext.budget import rules as budget_rules
from gateway_ext.budget.prices import Price, always
from gateway_ext.budget.rules import BudgetRule
from gateway_ext.budget.windows import Calendar, Window
from gateway_ext.consent.rules import Agreement, ConsentRules, PartyKind
from gateway_ext.credentials.rules import Bounds, CredentialRules
from gateway_ext.exchange import ENDPOINTS_OF, Candidate, CredentialClass, Dialect, Endpoint, Interface
from gateway_ext.guard.rules import Action, DetectorRule, RuleChange, Scope
from gateway_ext.policy.loader import load_policy, read_policy
from gateway_ext.policy.problems import PolicyError
from gateway_ext.routing.rules import Provider


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_providers(policy_dir: Path) -> None:
    providers = load_policy(policy_dir).routing.providers
    assert providers["us"] == Provider("us", "https", "us.example", 443, "/v1", "US", "frontier", credential="us")
    assert providers["eu"] == Provider(
        "eu", "https", "eu.example", 8443, "/base/v1", "FR", "open-eu", credential="shared-key"
    )
    assert providers["own"] == Provider("own", "http", "127.0.0.1", 8000, "", "FR", "open-eu", credential="")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("", ("authorization", "Bearer ")),
        ("dialect: openai", ("authorization", "Bearer ")),
        ('credential_header: api-key, credential_prefix: ""', ("api-key", "")),
        ("dialect: anthropic", ("x-api-key", "")),
        ("dialect: anthropic, credential_header: authorization", ("authorization", "Bearer ")),
        ("dialect: anthropic, credential_header: api-key", ("api-key", "")),
        ('dialect: anthropic, credential_prefix: "Key "', ("x-api-key", "Key ")),
    ],
)
def test_where_a_provider_gets_its_key(policy_dir: Path, written: str, place: tuple[str, str]) -> None:
    with (policy_dir / "providers.yaml").open("a") as file:
        more = f", {written}" if written else ""
        file.write(f'  new: {{url: "https://new.example/v1", jurisdiction: US, tier: frontier{more}}}\n')
    with (policy_dir / "models.yaml").open("a") as file:
        file.write("  large: {deployments: [{provider: new, price: {input: 1, output: 1}}]}\n")
    routing = load_policy(policy_dir).routing
    found = routing.providers["new"]
    assert (found.credential_header, found.credential_prefix) == place
    (deployment,) = routing.models["large"].deployments
    assert found.dialect is Dialect("anthropic" if "anthropic" in written else "openai")
    assert deployment.endpoints == found.endpoints == ENDPOINTS_OF[found.dialect]


@pytest.mark.parametrize("dialect", Dialect)
def test_what_a_provider_serves_may_be_less_than_its_dialect_or_more(policy_dir: Path, dialect: Dialect) -> None:
    file = policy_dir / "providers.yaml"
    more = f"dialect: {dialect}, endpoints: [/v1/embeddings, /v1/messages]"
    replace(file, "jurisdiction: US", f"jurisdiction: US, {more}")
    model = load_policy(policy_dir).routing.models["assistant"]
    assert model.deployments[0].endpoints == {Endpoint.EMBEDDINGS, Endpoint.MESSAGES}


def test_what_a_provider_calls_the_fields_of_requests(policy_dir: Path) -> None:
    written = "field_names: {stream_options: null, seed: random_seed}"
    replace(policy_dir / "providers.yaml", "jurisdiction: US", f"jurisdiction: US, {written}")
    providers = load_policy(policy_dir).routing.providers
    assert providers["us"].field_names == {"stream_options": "", "seed": "random_seed"}
    assert providers["eu"].field_names == {}


def test_models_keep_the_order_of_preference(policy_dir: Path) -> None:
    model = load_policy(policy_dir).routing.models["assistant"]
    assert model.deployments == (
        Candidate("us/big", "us", "big", "US", "frontier"),
        Candidate("eu/assistant", "eu", "assistant", "FR", "open-eu"),
    )
    assert (model.output_tokens_max, model.context_tokens) == (4096, 128_000)


@pytest.mark.parametrize(
    ("url", "written", "field"),
    [
        ("https://new.example/v1", "", "max_tokens"),
        ("https://api.openai.com/v1", "", "max_completion_tokens"),
        ("https://acme.openai.azure.com/openai/v1", "", "max_completion_tokens"),
        ("https://api.openai.com.example/v1", "", "max_tokens"),
        ("https://api.openai.com/v1", "output_tokens_field: max_tokens", "max_tokens"),
        ("https://new.example/v1", "output_tokens_field: max_completion_tokens", "max_completion_tokens"),
    ],
)
def test_where_a_model_reads_its_limit(policy_dir: Path, url: str, written: str, field: str) -> None:
    with (policy_dir / "providers.yaml").open("a") as file:
        file.write(f'  new: {{url: "{url}", jurisdiction: US, tier: frontier}}\n')
    with (policy_dir / "models.yaml").open("a") as file:
        more = f", {written}" if written else ""
        file.write(f"  large: {{deployments: [{{provider: new, price: {{input: 1, output: 1}}}}]{more}}}\n")
        file.write(
            "  both: {deployments: [{provider: new, price: {input: 1, output: 1}}, {provider: eu, price: {input: 1, output: 1}}]}\n"
        )
    models = load_policy(policy_dir).routing.models
    assert models["large"].output_tokens_field == field
    assert models["both"].output_tokens_field == "max_tokens", "one of its servers may pass over the other field"


def test_how_a_model_is_told_to_think(policy_dir: Path) -> None:
    with (policy_dir / "models.yaml").open("a") as file:
        file.write("  older: {thinking: budget, deployments: [{provider: eu, price: {input: 1, output: 1}}]}\n")
        file.write("  newer: {deployments: [{provider: eu, price: {input: 1, output: 1}}]}\n")
    models = load_policy(policy_dir).routing.models
    assert [models[name].thinking for name in ("older", "newer")] == ["budget", "adaptive"]


def test_tokenizers_are_named_and_not_guessed(policy_dir: Path) -> None:
    with (policy_dir / "models.yaml").open("a") as file:
        file.write("  counted: {tokenizer: cl100k_base, deployments: [{provider: eu, price: {input: 1, output: 1}}]}\n")
    models = load_policy(policy_dir).routing.models
    assert (models["counted"].tokenizer, models["assistant"].tokenizer) == ("cl100k_base", "")


@pytest.mark.parametrize(
    ("written", "output_tokens_min", "cuts"),
    [
        ("", 256, False),
        ("on_exhausted: {output_tokens_min: 40}", 40, False),
        ("on_exhausted: {cap_output: false, output_tokens_min: 40}", None, False),
        ("on_over_hold: cut", 256, True),
    ],
)
def test_what_becomes_of_requests_that_do_not_fit(
    policy_dir: Path, written: str, output_tokens_min: int | None, cuts: bool
) -> None:
    with (policy_dir / "budgets.yaml").open("a") as file:
        file.write(written)
    budget = load_policy(policy_dir).budget
    assert (budget.output_tokens_min, budget.cuts_over_hold) == (output_tokens_min, cuts)


@pytest.mark.parametrize(
    ("written", "admits"),
    [("", False), ("on_ledger_loss: deny", False), ("on_ledger_loss: admit_within_lease", True)],
)
def test_without_the_ledger_nothing_is_admitted_unless_policy_says_so(
    policy_dir: Path, written: str, admits: bool
) -> None:
    with (policy_dir / "budgets.yaml").open("a") as file:
        file.write(written)
    assert load_policy(policy_dir).budget.admits_within_lease == admits


def test_prices_are_exact_nano_units_by_cluster(policy_dir: Path) -> None:
    assert load_policy(policy_dir).budget.prices == {
        "us/big": always(Price(2_500_000_000, 10_000_000_000, 1_250_000_000, 1)),
        "eu/assistant": always(Price(400_000_000, 2_000_000_000, 400_000_000)),  # cached input costs as input does
        "own/local": always(Price(0, 0, 0)),
    }


def test_budgets(policy_dir: Path) -> None:
    budget = load_policy(policy_dir).budget
    month = Window(Calendar.MONTH, "Europe/Paris")
    assert (budget.currency, budget.hold_ttl_seconds) == ("EUR", 900)
    assert budget.budgets == (
        BudgetRule("per-user", budget_rules.Scope.USER, "*", 20_000_000_000, month),
        BudgetRule("sales", budget_rules.Scope.TEAM, "sales-*", 499_990_000_000, month),
    )


def test_budgets_of_all_kinds(policy_dir: Path) -> None:
    (policy_dir / "budgets.yaml").write_text(
        """
currency: EUR
timezone: Europe/Paris
fiscal_year_begins_in: 4
organisation: {name: acme, business_units: {retail: [shop, search], bank: [payments]}}
budgets:
  - {name: house, scope: organisation, amount: 1000000, window: year}
  - {name: units, scope: business_unit, match: retail, amount: 5, window: quarter, carry_over: 2.5}
  - {name: dear, scope: user, models: [big*], per_model: true, amount: 1, window: rolling 12h, hard: false}
  - {name: trial, scope: credential, amount: 1, window: total, timezone: Asia/Tokyo}
"""
    )
    budget = load_policy(policy_dir).budget
    assert (budget.organisation, dict(budget.business_units)) == (
        "acme",
        {"shop": "retail", "search": "retail", "payments": "bank"},
    )
    scope, paris = budget_rules.Scope, "Europe/Paris"
    assert budget.budgets == (
        BudgetRule("house", scope.ORGANISATION, "*", 10**15, Window(Calendar.YEAR, paris, 4)),
        BudgetRule(
            "units",
            scope.BUSINESS_UNIT,
            "retail",
            5 * 10**9,
            Window(Calendar.QUARTER, paris, 4),
            carries_max_nano=25 * 10**8,
        ),
        BudgetRule(
            "dear",
            scope.USER,
            "*",
            10**9,
            Window(Calendar.ROLLING, paris, 4, 43_200),
            models=("big*",),
            per_model=True,
            is_hard=False,
        ),
        BudgetRule("trial", scope.CREDENTIAL, "*", 10**9, Window(Calendar.TOTAL, "Asia/Tokyo", 4)),
    )


def test_identity(policy_dir: Path) -> None:
    identity = load_policy(policy_dir).identity
    company, service = identity.issuers["company"], identity.issuers["service"]
    assert (company.credential_class, company.kind) == (CredentialClass.SSO, "person")
    assert company.interfaces == {Interface.PUBLIC}
    assert company.required == {"subject", "team"}  # the subject always
    assert service.defaults == {"team": "apps"}
    assert identity.access[0].groups == {"staff"}
    assert identity.access[0].credential_classes == {CredentialClass.SSO}
    assert identity.access[1].models == ("local",)


def test_a_service_is_bound_to_its_certificate_unless_policy_says_otherwise(policy_dir: Path) -> None:
    issuers = load_policy(policy_dir).identity.issuers
    assert (issuers["service"].is_bound, issuers["company"].is_bound) == (True, False)
    file = policy_dir / "identity.yaml"
    file.write_text(file.read_text().replace("class: service,", "class: service, bound: false,"))
    assert not load_policy(policy_dir).identity.issuers["service"].is_bound


def test_credentials_are_bounded_whether_policy_says_so_or_not(policy_dir: Path) -> None:
    credentials = load_policy(policy_dir).credentials
    assert credentials == CredentialRules(Bounds(30, 30, 20, "EUR"), Bounds(90, 90, 20, "EUR"))
    with (policy_dir / "identity.yaml").open("a") as file:
        file.write("personal_credentials: {days_max: 9, days_default: 8, per_person_max: 7}\n")
        file.write("service_credentials: {days_max: 6, days_default: 5, per_service_max: 4}\n")
    assert load_policy(policy_dir).credentials == CredentialRules(Bounds(9, 8, 7, "EUR"), Bounds(6, 5, 4, "EUR"))


def test_agreements(policy_dir: Path) -> None:
    consent = load_policy(policy_dir).consent
    terms, applicants = consent.agreements
    assert consent.accept_at == "https://console.example.eu/agreements"
    assert terms == Agreement(
        "terms-of-use", "2026-11", "Terms of use", PartyKind.PERSON, "https://intranet.example.eu/terms"
    )
    assert (applicants.accepted_by, applicants.url) == (PartyKind.TEAM, "")
    assert (applicants.teams, applicants.groups, applicants.subjects) == tuple(
        map(frozenset, (["hr"], ["staff"], ["ada"]))
    )
    assert applicants.credential_classes == {CredentialClass.SSO}
    assert applicants.purposes == frozenset()
    use = "{purposes: [hr-screening], applications: [screening], environments: [production]}"
    replace(
        policy_dir / "agreements.yaml",
        "{teams: [hr], groups: [staff], subjects: [ada], credential_classes: [sso]}",
        use,
    )
    _, applicants = load_policy(policy_dir).consent.agreements
    assert (applicants.applications, applicants.purposes) == (frozenset({"screening"}), frozenset({"hr-screening"}))
    assert (applicants.environments, applicants.teams) == (frozenset({"production"}), frozenset[str]())


def test_without_the_file_no_agreement_is_asked_for(policy_dir: Path) -> None:
    before = load_policy(policy_dir)
    (policy_dir / "agreements.yaml").unlink()
    after = load_policy(policy_dir)
    assert after.consent == ConsentRules()
    assert after.digest != before.digest


def test_a_detector_inherits_from_its_class_what_it_does_not_say(policy_dir: Path) -> None:
    guard = load_policy(policy_dir).guard.request
    assert guard.deadline_seconds == 0.25
    assert guard.denies_on_timeout
    assert guard.classes == {
        "personal": DetectorRule(Action.LOG, sovereign=True),
        "secret": DetectorRule(Action.BLOCK),
        "confidential": DetectorRule(Action.LOG),
        "injection": DetectorRule(Action.LOG),
        "harmful": DetectorRule(Action.LOG, is_enabled=False),
    }
    assert guard.detectors == {"iban": DetectorRule(Action.REDACT, sovereign=True)}


def test_a_disabled_detector_stays_disabled(policy_dir: Path) -> None:
    replace(policy_dir / "guard.yaml", "{action: redact}", "{enabled: false}")
    assert load_policy(policy_dir).guard.request.detectors["iban"] == DetectorRule(Action.LOG, True, is_enabled=False)


def test_nothing_in_a_snapshot_can_be_changed(policy_dir: Path) -> None:
    snapshot = load_policy(policy_dir)
    for mapping in (
        snapshot.routing.models,
        snapshot.routing.providers,
        snapshot.budget.prices,
        snapshot.guard.request.classes,
    ):
        with pytest.raises(TypeError):
            mapping["x"] = None  # type: ignore[index]  # the point of the test


def test_the_digest_covers_names_and_bytes_of_all_files(policy_dir: Path) -> None:
    wanted = hashlib.sha256()
    for path in sorted(policy_dir.iterdir()):
        data = path.read_bytes()
        wanted.update(path.name.encode() + b"\0" + len(data).to_bytes(8, "big") + data)
    assert load_policy(policy_dir).digest == wanted.hexdigest()
    (policy_dir / "README.md").write_text("not policy")
    (policy_dir / ".guard.yaml.swp").write_text("not policy either")
    assert load_policy(policy_dir).digest == wanted.hexdigest()
    with (policy_dir / "guard.yaml").open("a") as file:
        file.write("# a comment counts: the digest is of what was written\n")
    assert load_policy(policy_dir).digest != wanted.hexdigest()


def test_a_real_provider_takes_one_line_in_each_of_two_files(policy_dir: Path) -> None:
    with (policy_dir / "providers.yaml").open("a") as file:
        file.write('  openai: {url: "https://api.openai.com/v1", jurisdiction: US, tier: frontier}\n')
    with (policy_dir / "models.yaml").open("a") as file:
        file.write("  gpt-4o: {deployments: [{provider: openai, price: {input: 2.5, output: 10}}]}\n")
    routing = load_policy(policy_dir).routing
    assert routing.providers["openai"].credential == "openai"
    assert routing.models["gpt-4o"].deployments == (Candidate("openai/gpt-4o", "openai", "gpt-4o", "US", "frontier"),)


def test_all_faults_of_all_files_are_reported_at_once(policy_dir: Path) -> None:
    replace(policy_dir / "providers.yaml", "jurisdiction: US", "jurisdiction: us")
    replace(policy_dir / "models.yaml", "provider: us", "provider: uss")
    replace(policy_dir / "models.yaml", "input: 0.4, output: 2", "input: cheap, outptu: 2")
    replace(policy_dir / "budgets.yaml", "EUR", "EUR\ncurrency: USD")
    (policy_dir / "access.yaml").write_text("access: [\n")
    (policy_dir / "guard.yaml").unlink()
    (policy_dir / "gaurd.yaml").write_text("{}")
    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)
    assert [(problem.file, problem.line) for problem in caught.value.problems] == [
        ("access.yaml", 2),
        ("budgets.yaml", 2),
        ("gaurd.yaml", 1),
        ("guard.yaml", 1),
        ("models.yaml", 4),
        ("models.yaml", 5),
        ("models.yaml", 5),
        ("models.yaml", 5),
        ("providers.yaml", 2),
    ]
    assert "did you mean 'guard.yaml'?" in str(caught.value)


def test_one_unreadable_file_does_not_make_others_look_wrong(policy_dir: Path) -> None:
    (policy_dir / "providers.yaml").write_text("providers: {")
    (policy_dir / "routing.yaml").write_text("tiers: none\nsovereign: {tiers: [open-eu], jurisdictions: [FR]}\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)
    assert [problem.file for problem in caught.value.problems] == ["providers.yaml", "routing.yaml"]


def test_good_policies_have_no_warnings(policy_dir: Path) -> None:
    assert read_policy(policy_dir).warnings == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "text"),
    [
        ("access.yaml", "[local]", "[local, gpt-*]", 3, "'gpt-*' matches no model"),
        ("access.yaml", '["*"]', "[local]", 1, "no rule grants anyone the use of: assistant"),
        ("models.yaml", "- {provider: eu, price", "# {provider: eu, price", 3, "no model uses provider 'eu'"),
        ("budgets.yaml", "budgets:\n  -", "budgets: []\n#", 3, "every request will be refused"),
        ("routing.yaml", "[frontier, open-eu]", "[frontier, open-eu, own]", 2, "yet not sovereign"),
        ("routing.yaml", "jurisdictions: [FR]", "jurisdictions: [DE]", 2, "no deployment is sovereign"),
    ],
)
def test_what_is_hardly_meant_is_a_warning(
    policy_dir: Path, file: str, old: str, new: str, line: int, text: str
) -> None:
    replace(policy_dir / file, old, new)
    if file == "budgets.yaml":
        path = policy_dir / file
        path.write_text("\n".join(line for line in path.read_text().split("\n") if not line.startswith("  -")))
    (warning,) = read_policy(policy_dir).warnings
    assert warning.line == line
    assert text in warning.message


def test_overrides_and_allowed_values(policy_dir: Path) -> None:
    with (policy_dir / "guard.yaml").open("a") as file:
        file.write(
            "overrides:\n"
            "  - {name: hr, when: {teams: [hr]}, classes: {personal: {action: log}}, detectors: {jwt: {enabled: false}}}\n"
            "allow:\n"
            "  - {detector: iban, fingerprint: 0a1b2c3d4e5f60718293a4b5c6d7e8f9, reason: ours, until: 2027-01-31}\n"
        )
    guard = load_policy(policy_dir).guard
    (override,) = guard.overrides
    assert override.scope == Scope(teams=frozenset({"hr"}))
    assert override.classes == {"personal": RuleChange(action=Action.LOG)}
    assert override.detectors == {"jwt": RuleChange(is_enabled=False)}
    (allowance,) = guard.allowances
    assert allowance.until_unix_nano == 1_801_483_200 * 10**9  # noon of the next day in UTC: the day is over everywhere


def test_a_dictionary_is_a_detector(policy_dir: Path) -> None:
    (policy_dir / "projects.terms").write_text("# code names\nProjekt Adler\nBluebird\n")
    with (policy_dir / "guard.yaml").open("a") as file:
        file.write("  dictionary_projects: {action: redact}\ndictionaries:\n  projects: {terms: projects.terms}\n")
    rules = load_policy(policy_dir).guard.request
    (classifier,) = rules.dictionaries
    assert [(kind.name, kind.data_class) for kind in classifier.kinds] == [("dictionary_projects", "confidential")]
    assert rules.rule("dictionary_projects", "confidential").action is Action.REDACT
    (found,) = classifier.spans(["say nothing of Projektes Adlers"])
    assert len(found) == 1


@pytest.mark.parametrize(
    ("terms", "line", "message"),
    [("Adler\nAdler\n", 2, "same term"), ("# nothing\n", 1, "there is no term"), ("a\n", 1, "fewer than")],
)
def test_faults_of_a_dictionary_are_told_by_line_without_the_term(
    policy_dir: Path, terms: str, line: int, message: str
) -> None:
    (policy_dir / "projects.terms").write_text(terms)
    with (policy_dir / "guard.yaml").open("a") as file:
        file.write("dictionaries:\n  projects: {terms: projects.terms}\n")
    with pytest.raises(PolicyError) as caught:
        load_policy(policy_dir)
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("projects.terms", line)
    assert message in problem.message
    assert "Adler" not in problem.message


def test_a_terms_file_that_nothing_uses_is_a_fault(policy_dir: Path) -> None:
    (policy_dir / "old.terms").write_text("Adler\n")
    with pytest.raises(PolicyError, match=r"old\.terms:1:1: no dictionary"):
        load_policy(policy_dir)
