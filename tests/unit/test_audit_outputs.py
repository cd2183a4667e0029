from pathlib import Path
from typing import Any

import pytest

from gateway_ext.audit.outputs.ocsf_file import OcsfFile
from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter
from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter
from gateway_ext.audit.outputs.syslog import SyslogExporter
from gateway_ext.audit_outputs import opened_outputs
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings


async def kinds(settings: Settings) -> dict[str, type]:
    async with opened_outputs(settings) as outputs:
        return {name: type(output) for name, output in outputs.items()}


async def test_by_default_there_is_a_collector() -> None:
    assert await kinds(Settings()) == {"otlp": OtlpGrpcExporter}


async def test_every_output_that_is_set(tmp_path: Path) -> None:
    settings = Settings(otlp_protocol="http", ocsf_file=str(tmp_path / "x"), syslog_url="udp://127.0.0.1:514")
    assert await kinds(settings) == {"otlp": OtlpHttpExporter, "ocsf": OcsfFile, "syslog": SyslogExporter}
    assert await kinds(Settings(otlp_endpoint="", ocsf_file=str(tmp_path / "x"))) == {"ocsf": OcsfFile}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"otlp_endpoint": ""}, "goes nowhere: set otlp_endpoint, ocsf_file or syslog_url"),
        ({"otlp_protocol": "json"}, "expected grpc or http, not 'json'"),
        ({"otlp_headers_file": "/none/headers"}, "cannot be read"),
        ({"ocsf_file": "/none/file"}, "directory that exists"),
        ({"syslog_url": "syslog.example:514"}, "expected tcp://"),
    ],
)
async def test_what_cannot_be_used_is_told_at_the_start(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        await kinds(Settings(**settings))
