"""Where the audit trail goes: settings → outputs, for the control process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gateway_ext.audit.cursor import OCSF, OTLP, SYSLOG
from gateway_ext.audit.delivery import Exporter
from gateway_ext.audit.outputs.headers import headers_in, no_headers
from gateway_ext.audit.outputs.ocsf_file import OcsfFile
from gateway_ext.audit.outputs.syslog import SyslogExporter
from gateway_ext.errors import ConfigurationError
from gateway_ext.settings import Settings

if TYPE_CHECKING:
    from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter
    from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter


@asynccontextmanager
async def opened_outputs(settings: Settings) -> AsyncIterator[Mapping[str, Exporter]]:
    """The outputs of `settings` by name, open while the context lasts. Raises ConfigurationError, also when there is none:
    the spool would only fill until requests are refused."""
    async with AsyncExitStack() as stack:
        outputs: dict[str, Exporter] = {}
        if settings.otlp_endpoint:
            otlp = _otlp(settings)
            stack.push_async_callback(otlp.close)
            outputs[OTLP] = otlp
        if settings.ocsf_file:
            outputs[OCSF] = OcsfFile(Path(settings.ocsf_file), settings.ocsf_file_bytes_max, settings.ocsf_files_kept)
        if settings.syslog_url:
            syslog = SyslogExporter(settings.syslog_url, settings.syslog_ca_file)
            stack.push_async_callback(syslog.close)
            outputs[SYSLOG] = syslog
        if not outputs:
            raise ConfigurationError(
                "the audit trail goes nowhere: set otlp_endpoint, ocsf_file or syslog_url (ocsf_file needs nothing but a disk)"
            )
        yield outputs


def _otlp(settings: Settings) -> OtlpGrpcExporter | OtlpHttpExporter:
    headers = headers_in(Path(settings.otlp_headers_file)) if settings.otlp_headers_file else no_headers
    match settings.otlp_protocol:  # each late: another library
        case "grpc":
            from gateway_ext.audit.outputs.otlp_grpc import OtlpGrpcExporter  # noqa: PLC0415

            return OtlpGrpcExporter(settings.otlp_endpoint, settings.otlp_ca_file, headers)
        case "http":
            from gateway_ext.audit.outputs.otlp_http import OtlpHttpExporter  # noqa: PLC0415

            return OtlpHttpExporter(settings.otlp_endpoint, settings.otlp_ca_file, headers)
        case other:
            raise ConfigurationError(f"otlp_protocol: expected grpc or http, not '{other}'")
