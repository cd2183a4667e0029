"""What budgets.yaml says of alerts, as the rules that the alerts' room goes by."""

from __future__ import annotations

from pathlib import Path

from gateway_ext.alerts.rules import AlertRules, BudgetAlerts, Email, Encryption, Webhook
from gateway_ext.policy.loader import load_policy

BUDGETS = """
currency: EUR
timezone: Europe/Paris
alerts: {alerts}
budgets:
  - {{name: plain, scope: user, amount: 20}}
  - {{name: own, scope: team, amount: 20, alerts: {{thresholds: [95, 60], forecast: false, channels: [finance]}}}}
  - {{name: quiet, scope: team, amount: 20, alerts: {{thresholds: [], channels: []}}}}
  - {{name: runs, scope: agent_run, amount: 2}}
  - {{name: some-runs, scope: agent_run, amount: 2, alerts: {{thresholds: [100]}}}}
"""
ALERTS = """
  thresholds: [90, 70]
  forecast: true
  webhooks: {finops: {url: "https://hooks.example.eu/b", ca_file: ca.pem}, local: {url: "http://127.0.0.1:8000/"}}
  mails:
    finance: {server: smtp.example.eu, from: g@example.eu, to: [f@example.eu, o@example.eu]}
    other: {server: smtp.example.eu, encryption: tls, login: false, from: g@example.eu, to: [f@example.eu]}
"""


def rules(policy_dir: Path, alerts: str) -> AlertRules:
    (policy_dir / "budgets.yaml").write_text(BUDGETS.format(alerts=alerts))
    return load_policy(policy_dir).alerts


def test_channels_and_thresholds_are_as_written(policy_dir: Path) -> None:
    found = rules(policy_dir, ALERTS)
    assert found.channels == (
        Webhook("finops", "https://hooks.example.eu/b", "ca.pem"),
        Webhook("local", "http://127.0.0.1:8000/"),
        Email("finance", "smtp.example.eu", 587, "g@example.eu", ("f@example.eu", "o@example.eu")),
        Email("other", "smtp.example.eu", 465, "g@example.eu", ("f@example.eu",), Encryption.TLS, False),
    )
    everywhere = ("finops", "local", "finance", "other")
    assert found.of("plain") == BudgetAlerts((70, 90), forecast=True, channels=everywhere)
    assert found.of("own") == BudgetAlerts((60, 95), forecast=False, channels=("finance",))
    assert found.of("quiet") == BudgetAlerts((), forecast=True, channels=())


def test_of_runs_only_what_is_asked_for_is_told(policy_dir: Path) -> None:
    found = rules(policy_dir, ALERTS)
    assert (found.of("runs").thresholds, found.of("runs").forecast) == ((), False)
    assert (found.of("some-runs").thresholds, found.of("some-runs").forecast) == ((100,), False)


def test_without_a_word_the_usual_thresholds_are_told_in_the_trail(policy_dir: Path) -> None:
    found = load_policy(policy_dir).alerts
    assert found.channels == ()
    assert found.of("per-user") == found.of("unheard of") == BudgetAlerts((50, 80, 100))
