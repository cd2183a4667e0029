"""`gateway-ext COMMAND`. One module per command, imported only when it is the one asked for."""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType

from gateway_ext.errors import ConfigurationError

COMMANDS: Mapping[str, str] = {
    "up": "run the whole gateway on this machine, with a local issuer and a simulated model provider",
    "token": "print a credential of the local issuer",
    "keys": "mint, list, rotate and revoke personal and service credentials; rotate signing keys",
    "stop": "stop everything, or a model, provider, jurisdiction, team, application, credential or person",
    "resume": "undo a stop",
    "revoke": "revoke a credential by its id",
    "people": "disable people, and enable them again",
    "subjects": "reveal pseudonyms, report on people and erase them",
    "standing": "list what is revoked, disabled and stopped",
    "agreements": "list, accept and withdraw agreements for people and teams",
    "policy": "check and explain policy files",
    "catalog": "show and check where deployments stand legally",
    "routing": "compare the deployments of a model",
    "guard": "try the Guard out, weigh and allow what it finds, register documents",
    "prices": "show, check and compare what deployments cost",
    "budget": "show budgets and what was spent",
    "alerts": "list alerts on budgets, and test their channels",
    "ledger": "make and renew the ledger's tables on PostgreSQL",
    "audit": "show, prove and verify the audit trail",
    "envoy": "render and validate Envoy's configuration",
    "processor": "run one external processor",
    "control": "run the control process",
    "local-identity-provider": "run an identity provider for trying things out; laptops only",
    "otlp-sink": "receive OTLP and write it to files",
    "simulate": "run a simulated model provider",
    "version": "print the version",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns its exit code: 0 done, 1 the answer is no, 2 wrong use or configuration."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["--version"]:
        arguments = ["version"]
    parser = _parser(arguments)
    options = parser.parse_args(arguments)
    if not hasattr(options, "run"):
        parser.print_help()
        return 2
    try:
        return int(options.run(options) or 0)
    except ConfigurationError as error:
        print(_red(f"gateway-ext: {error.diagnostics()}"), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output left (`| head`). Nothing more can be said to it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Only the asked command's module is imported, so that `token` starts without the Guard's libraries."""
    parser = argparse.ArgumentParser(prog="gateway-ext", description="Sovereign control plane for LLM traffic.")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    asked = arguments[0] if arguments and arguments[0] in COMMANDS else None
    if asked is not None:
        _imported(f"gateway_ext.cli.{asked.replace('-', '_')}").register(subparsers)
    for name, summary in COMMANDS.items():
        if name != asked:
            subparsers.add_parser(name, help=summary, add_help=False)
    return parser


def _imported(name: str) -> ModuleType:
    """What a module brings stays; to search it for garbage meanwhile would take a tenth of the time."""
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.enable()


def _red(text: str) -> str:
    is_plain = not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return text if is_plain else f"\033[31m{text}\033[0m"


if __name__ == "__main__":
    sys.exit(main())
