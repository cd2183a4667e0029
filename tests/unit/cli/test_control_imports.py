"""What the control process imports before Envoy's files are written, for which callers wait."""

from __future__ import annotations

import subprocess
import sys

import pytest

LATER = ("httpx", "uvicorn", "fastapi", "opentelemetry.sdk.metrics", "grpc", "smtplib")  # when something needs them
NEVER = ("envoy_data_plane", "betterproto2")  # of the tests alone
BOTH = (*LATER, *NEVER)


@pytest.mark.parametrize(("module", "unwanted"), [("bootstrap.control", BOTH), ("cli.envoy", NEVER)])
def test_what_is_not_imported(module: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, gateway_ext.cli.control, gateway_ext.{module}; print(*set({unwanted}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
