"""Process settings: where things lie and how hard a process may work. What requests may do is policy, not settings.

Read from a YAML file; every field has a safe default, an unknown key is an error. All paths of running state are
below `state_dir`, which is also Envoy's working directory: the paths in envoy.yaml are relative to it.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import urlsplit

import yaml

from gateway_ext import limits
from gateway_ext.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class StateLayout:
    """Names below the state directory."""

    root: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def standing(self) -> Path:
        """What operators have revoked, disabled and stopped; its marker lies beside it."""
        return self.root / "standing.sqlite"

    @property
    def spool(self) -> Path:
        """One directory per writing process: spool/<process>/."""
        return self.root / "spool"

    @property
    def archive(self) -> Path:
        """Delivered segments until their retention is over: archive/<process>/. On the file system of the spool."""
        return self.root / "archive"

    @property
    def holds(self) -> Path:
        """Legal holds: records that are not erased; its marker lies beside it."""
        return self.root / "holds.sqlite"

    @property
    def audit_index(self) -> Path:
        """What the audit trail is searched by; made anew from the segments whenever it is lost."""
        return self.root / "audit-index.sqlite"

    @property
    def trees(self) -> Path:
        """Hashes and signed checkpoints of the spool's records: trees/<process>/."""
        return self.root / "trees"

    @property
    def checkpoint_key(self) -> Path:
        """Signs the checkpoints, mode 0600. Read by the control process alone."""
        return self.root / "checkpoint.key"

    @property
    def xds(self) -> Path:
        """What Envoy watches: clusters.yaml, routes.yaml, processors.yaml, secrets/<name>.yaml."""
        return self.root / "xds"

    @property
    def secrets(self) -> Path:
        """Provider keys, one raw file each, mode 0600. Read by Envoy alone."""
        return self.root / "secrets"

    @property
    def certs(self) -> Path:
        """server.pem, server.key, ca.pem (trust for client certificates)."""
        return self.root / "certs"

    @property
    def jwks(self) -> Path:
        """company.json, personal.json, service.json."""
        return self.root / "jwks"

    @property
    def issuers(self) -> Path:
        """Signing keys of our own issuers, mode 0600: personal.key, service.key. Read by `keys`, `token` and `up` alone."""
        return self.root / "issuers"

    @property
    def credentials(self) -> Path:
        """What is known about minted credentials, without the credentials."""
        return self.root / "credentials.sqlite"

    @property
    def agreements(self) -> Path:
        """Who has accepted which agreement."""
        return self.root / "agreements.sqlite"

    @property
    def subjects(self) -> Path:
        """Whom the audit trail's pseudonyms name, and the key of each; its marker lies beside it."""
        return self.root / "subjects.sqlite"

    @property
    def conversations(self) -> Path:
        """Which classes of content conversations have held; its marker lies beside it."""
        return self.root / "conversations.sqlite"

    @property
    def console(self) -> Path:
        """Sessions of people who have logged in, logins under way, answers to repeated requests."""
        return self.root / "console.sqlite"

    @property
    def console_socket(self) -> Path:
        """Where the control process serves the console, for Envoy alone."""
        return self.root / "run" / "console.sock"

    @property
    def logins(self) -> Path:
        """Client secrets of the identity providers that have one, `NAME.secret` each, mode 0600."""
        return self.root / "logins"

    @property
    def alerts(self) -> Path:
        """What operators have been told of budgets, and what has still to be delivered."""
        return self.root / "alerts.sqlite"

    @property
    def channels(self) -> Path:
        """Keys of webhooks, `NAME.key`, and logins of mail servers, `NAME.login`, mode 0600. Alerts are sent with them."""
        return self.root / "channels"

    @property
    def people(self) -> Path:
        """The people of the local identity provider, mode 0600. Laptops only."""
        return self.root / "people.yaml"

    @property
    def key_ages(self) -> Path:
        """A file for each identity provider, changed when Envoy last fetched its keys."""
        return self.root / "key-ages"

    @property
    def recorded(self) -> Path:
        """Which policy and which versions of providers' keys the audit trail already tells of."""
        return self.root / "recorded.json"

    @property
    def fingerprint_key(self) -> Path:
        """Key of the findings' HMAC, mode 0600, shared by the processors of this machine."""
        return self.root / "fingerprint.key"

    def processor_socket(self, index: int) -> Path:
        return self.root / "run" / f"processor-{index}.sock"


class Traces(StrEnum):
    """Of which exchanges spans are sent to the collector."""

    NONE = "none"
    SAMPLED = "sampled"  # those whose caller samples its trace; of those without a trace, a part
    ALL = "all"


class Durability(StrEnum):
    """What the record of a decision survives before the decision takes effect."""

    PROCESS_CRASH = "process_crash"  # in the kernel's page cache
    POWER_LOSS = "power_loss"  # on the disk


@dataclass(frozen=True, slots=True)
class Settings:
    state_dir: Path = Path(".gateway")
    policies_dir: Path = Path("policies")
    envoy_config: Path = Path("envoy/envoy.yaml")
    ledger_url: str = ""  # of PostgreSQL; empty: SQLite in the state directory
    ledger_leases: bool = False  # processors reserve from slices of budgets in their memory
    redis_url: str = ""  # where processors share these slices; empty: each has its own
    redis_password_file: str = ""
    processors: int = 0  # 0 = one per core
    envoy_admin: str = "http://127.0.0.1:9901"
    console_url: str = "http://127.0.0.1:8088"  # as people reach the console; its path is empty
    gateway_url: str = "http://127.0.0.1:8080/v1"  # as apps reach the gateway: OPENAI_BASE_URL beside a new key
    signer_command: str = ""  # path of a program that signs credentials in the place of key files
    otlp_endpoint: str = "http://127.0.0.1:4317"  # empty: the trail does not go to a collector
    otlp_protocol: str = "grpc"  # grpc | http
    otlp_ca_file: str = ""
    otlp_headers_file: str = ""  # of mode 0600: 'name: value' lines, such as a collector's key
    ocsf_file: str = ""  # the trail as OCSF, a JSON document a line; empty: none
    ocsf_file_bytes_max: int = limits.OCSF_FILE_BYTES_MAX
    ocsf_files_kept: int = 0  # of those renamed when they were full; 0: all
    syslog_url: str = ""  # tcp://host:port, tls://… or udp://…: the trail as CEF in syslog messages; empty: none
    syslog_ca_file: str = ""
    person_name_model: str = ""  # directory of a spaCy pipeline
    classifier_model: str = ""  # directory of an ONNX classifier, run beside the path
    step_deadline_seconds: float = limits.STEP_DEADLINE_SECONDS
    stream_idle_seconds: float = limits.STREAM_IDLE_SECONDS
    drain_seconds: float = limits.DRAIN_SECONDS
    spool_bytes_max: int = limits.SPOOL_BYTES_MAX
    spool_fsync_seconds: float = limits.SPOOL_FSYNC_SECONDS
    spool_reserve_bytes: int = limits.SPOOL_RESERVE_BYTES
    audit_durability: Durability = Durability.PROCESS_CRASH
    metrics_address: str = ""  # host:port where the control process is scraped by Prometheus; empty: nowhere
    metrics_seconds: float = 0.0  # between two exports of metrics to the collector; 0: none
    traces: Traces = Traces.NONE
    traces_ratio: float = 0.01  # of exchanges without a caller's trace, where traces are sampled
    audit_index_url: str = ""  # of PostgreSQL; empty: SQLite in the state directory
    audit_origin: str = "gateway-ext"  # of this gateway's logs: before '/<process>' in the name of each
    checkpoint_seconds: float = limits.CHECKPOINT_SECONDS
    checkpoint_records: int = limits.CHECKPOINT_RECORDS
    checkpoint_signer_command: str = ""  # path of a program that signs checkpoints in the place of a key file
    checkpoint_command: str = ""  # path of a program that takes checkpoints to a witness or an archive

    @property
    def processor_count(self) -> int:
        return self.processors or os.cpu_count() or 1

    @property
    def layout(self) -> StateLayout:
        return StateLayout(self.state_dir)


def load_settings(path: Path | None, **overrides: Any) -> Settings:
    """Settings from a YAML file, then `overrides` (None = not given). Raises ConfigurationError naming key and fix."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise ConfigurationError(f"{path}: cannot be read as YAML ({type(error).__name__})") from error
        if not isinstance(document, dict):
            raise ConfigurationError(f"{path}: expected 'key: value' lines")
        values |= document
    values |= {key: value for key, value in overrides.items() if value is not None}
    types = get_type_hints(Settings)
    for key, value in values.items():
        if key not in types:
            raise ConfigurationError(f"{path or 'options'}: unknown setting '{key}'; known: {', '.join(sorted(types))}")
        values[key] = _convert(key, value, types[key], path)
    settings = dataclasses.replace(Settings(), **values)
    _require_protected(settings.console_url, path)
    _require_sane_telemetry(settings, path)
    return settings


def _convert(key: str, value: Any, wanted: type, path: Path | None) -> Any:
    if wanted is Path and isinstance(value, str | Path):
        return Path(value)
    if wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if issubclass(wanted, StrEnum):
        if isinstance(value, str) and value in set(wanted):
            return wanted(value)
        raise ConfigurationError(f"{path or 'options'}: setting '{key}' must be {' or '.join(wanted)}")
    if isinstance(value, wanted) and not (wanted is int and isinstance(value, bool)):
        return value
    raise ConfigurationError(f"{path or 'options'}: setting '{key}' must be a {wanted.__name__}")


def _require_protected(console_url: str, path: Path | None) -> None:
    """People's sessions go there. Raises ConfigurationError when anybody on the way could read them."""
    try:
        parts = urlsplit(console_url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
    if not host or console_url != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise ConfigurationError(
            f"{path or 'options'}: setting 'console_url' must be https://host[:port], without a path"
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_this_machine(host)):
        raise ConfigurationError(
            f"{path or 'options'}: setting 'console_url' must be https://; http:// is for 127.0.0.1, ::1 and localhost only"
        )


def _require_sane_telemetry(settings: Settings, path: Path | None) -> None:
    """Raises ConfigurationError."""
    host, mark, port = settings.metrics_address.rpartition(":")
    if settings.metrics_address and not (mark and host and port.isdecimal() and 0 < int(port) < 65_536):
        raise ConfigurationError(
            f"{path or 'options'}: setting 'metrics_address' must be host:port, such as 127.0.0.1:9464"
        )
    if not 0 <= settings.traces_ratio <= 1:
        raise ConfigurationError(f"{path or 'options'}: setting 'traces_ratio' must be from 0 to 1")
    if settings.metrics_seconds != 0 and not 1 <= settings.metrics_seconds <= 3600:
        raise ConfigurationError(f"{path or 'options'}: setting 'metrics_seconds' must be 0, or from 1 to 3600")


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
