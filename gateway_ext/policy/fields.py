"""The kinds of value a policy file is made of: names, references, money, URLs. Each fault says how to write it right.

Values that might be a pasted secret (credential, url) are never repeated in a message: messages end up in logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo
from pydantic_core import PydanticCustomError

from gateway_ext.budget.windows import Calendar
from gateway_ext.limits import MODEL_NAME_CHARACTERS_MAX, NANO
from gateway_ext.policy.problems import suggestion

KnownNames = Mapping[str, frozenset[str]]
"""Validation context: what may be referred to, by kind. A kind that is missing (its file is unreadable) is not checked."""

MONEY_DECIMALS = 9
RATE_UNITS_MAX = 100_000  # per million tokens: the largest request of limits.py then costs less than 2**63 nano-units
EXCHANGE_RATE_MAX = 1_000_000
BUDGET_UNITS_MAX = 1_000_000_000  # 10**18 nano-units, below 2**63
QUOTA_UNITS_MAX = 10**12
# Carry credentials, or are Envoy's or HTTP's own. Those that begin with x-gateway- and x-envoy- never arrive.
_TAKEN_HEADERS = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "x-api-key", "host", "user-agent", "x-request-id"),
        *("content-type", "content-length", "content-encoding", "transfer-encoding"),
        *(f"x-forwarded-{name}" for name in ("for", "proto", "host", "port", "client-cert")),
    }
)
# What is inspected, and what says how much is asked for: as the gateway reads it, so must the provider.
_JUDGED_FIELDS = frozenset(
    {"model", "messages", "input", "prompt", "system", "instructions", "tools", "stream", "n", "best_of"}
)


def fault(message: str) -> PydanticCustomError:
    """An error whose text is shown as it is."""
    return PydanticCustomError("policy", "{message}", {"message": message})


def shaped(pattern: str, message: str, characters_max: int = 64) -> AfterValidator:
    """Text that matches `pattern` as a whole; `message` says how to write it right."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise fault(message)
        if len(value) > characters_max:
            raise fault(f"must not be longer than {characters_max} characters")
        return value

    return AfterValidator(check)


def known(kind: str) -> AfterValidator:
    """A name of that kind that some file of the policy declares."""

    def check(value: str, info: ValidationInfo) -> str:
        names: KnownNames = info.context or {}
        if kind in names and value not in names[kind]:
            raise fault(f"unknown {kind} '{value}'{suggestion(value, names[kind])}")
        return value

    return AfterValidator(check)


def _units(units_max: int) -> BeforeValidator:
    """From a decimal number of currency units to nano-units, exactly: no float on the way."""

    def to_nano(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise fault("must be a plain decimal number such as 2.5 (no quotes, exponent, separator or currency)")
        if isinstance(value, Decimal) and -int(value.as_tuple().exponent) > MONEY_DECIMALS:
            raise fault(f"has more than {MONEY_DECIMALS} decimals; the book counts in nano-units, so round it")
        if not 0 <= value <= units_max:
            raise fault(f"must be between 0 and {units_max}")
        return int(Decimal(value) * NANO)  # exact: at most 10 + 9 digits, below the context's 28

    return BeforeValidator(to_nano)


def _above_zero(value: int) -> int:
    if not value:
        raise fault("must be above 0")
    return value


def _not_empty(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise fault("must not be an empty list; name at least one, or remove the key where it is optional")
    return values


def _listed_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    for value in _not_empty(values):
        if values.count(value) > 1:
            raise fault(f"lists '{value}' twice; keep one")
    return values


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    return _listed_once(values) if values else values


def _one_line(value: str) -> str:
    if not value or not value.isprintable():
        raise fault("must be one line of printable text, and not empty")
    return value


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise fault("must be a day, such as 2027-01-31") from None


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):  # OSError: a directory of the database, such as 'Europe'
        raise fault(f"unknown time zone '{value}'; use a name of the IANA database, such as Europe/Paris") from None
    return value


def _not_taken(header: str) -> str:
    if header in _TAKEN_HEADERS or header.startswith(("x-gateway-", "x-envoy-")):
        raise fault(f"is '{header}', which has a meaning of its own; have the front end say it in another header")
    return header


def _not_judged(field: str) -> str:
    if field in _JUDGED_FIELDS:
        raise fault(f"is '{field}', which the gateway judges by; it keeps its name")
    return field


def _encrypted(url: str) -> str:
    parts = endpoint(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise fault("would be asked without encryption, by whoever answers; use https://")
    return url


ROLLING_SECONDS = {"h": 3600, "d": 86_400}
ROLLING_SECONDS_MAX = 400 * 86_400


def window(text: str) -> tuple[Calendar, int]:
    """The kind of a window, and of a rolling one its length in seconds. Raises PydanticCustomError."""
    if rolling := re.fullmatch(r"rolling ([1-9][0-9]{0,4})([hd])", text):
        seconds = int(rolling[1]) * ROLLING_SECONDS[rolling[2]]
        if seconds <= ROLLING_SECONDS_MAX:
            return Calendar.ROLLING, seconds
    elif text in set(Calendar) - {Calendar.ROLLING}:
        return Calendar(text), 0
    raise fault("must be day, week, month, quarter, year, total, or rolling with a length, such as 'rolling 30d'")


def _window_name(text: str) -> str:
    window(text)
    return text


Line = Annotated[str, AfterValidator(_one_line)]
Name = Annotated[str, shaped(r"[a-z0-9][a-z0-9._-]*", "must be a name of a-z, 0-9, '.', '_', '-'")]
Credential = Annotated[
    str,
    shaped(
        r"[a-z0-9][a-z0-9._-]*",
        "must be the name of a file in the secrets directory, of a-z, 0-9, '.', '_', '-'; never write a key here",
    ),
]
ModelName = Annotated[
    str,
    shaped(
        r"[A-Za-z0-9@][A-Za-z0-9@._:/+-]*",
        "must be a model name of letters, digits and @ . _ : / + -",
        MODEL_NAME_CHARACTERS_MAX,
    ),
]
DeploymentName = Annotated[
    str,
    shaped(
        r"[a-z0-9][a-z0-9._-]*/[A-Za-z0-9@][A-Za-z0-9@._:/+-]*",
        "must be a deployment: the provider's name of providers.yaml, '/', and the model's name there",
        MODEL_NAME_CHARACTERS_MAX + 65,
    ),
]
Pattern = Annotated[
    str,
    shaped(r"[^\s\x00-\x1f\x7f]+", "must be a shell-style pattern without blanks, such as 'gpt-*'", 256),
]
HttpsUrl = Annotated[str, AfterValidator(_encrypted)]  # http:// to this machine only
HeaderName = Annotated[
    str, shaped(r"[a-z0-9][a-z0-9-]*", "must be a header name in lower case, such as authorization or x-api-key")
]
RequestField = Annotated[
    str,
    shaped(r"[a-z][a-z0-9_]*", "must be a field of a request, such as stream_options"),
    AfterValidator(_not_judged),
]
UserHeader = Annotated[
    str,
    shaped(r"[a-z0-9][a-z0-9-]*", "must be a header name in lower case, such as x-openwebui-user-email"),
    AfterValidator(_not_taken),
]
Label = Annotated[
    str, shaped(r"[a-z0-9][a-z0-9 ._:/+-]*", "must be a label of a-z, 0-9, blanks and . _ : / + -, in lower case")
]
ClaimPath = Annotated[
    str, shaped(r"[^\s.]+(\.[^\s.]+)*", "must be a claim, or a path of claims such as realm_access.roles", 256)
]
Jurisdiction = Annotated[
    str, shaped(r"[A-Z]{2}", "must be the two capital letters of a country (ISO 3166-1), such as FR")
]
Currency = Annotated[str, shaped(r"[A-Z]{3}", "must be three capital letters (ISO 4217), such as EUR")]
Timezone = Annotated[str, AfterValidator(_timezone)]
Day = Annotated[date, BeforeValidator(_day)]
WindowName = Annotated[str, AfterValidator(_window_name)]
Host = Annotated[
    str,
    shaped(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "must be a host's name or IPv4 address, such as smtp.example.eu", 253),
]
MailAddress = Annotated[
    str,
    shaped(
        r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?",
        "must be one mail address without a name, such as finance@example.eu",
        254,
    ),
]
Percents = Annotated[tuple[Annotated[int, Field(ge=1, le=1_000)], ...], AfterValidator(_distinct)]  # may be empty
Rate = Annotated[int, _units(RATE_UNITS_MAX)]
Percent = Annotated[int, _units(100)]  # in billionths of a percent
ExchangeRate = Annotated[int, _units(EXCHANGE_RATE_MAX), AfterValidator(_above_zero)]
Amount = Annotated[int, _units(BUDGET_UNITS_MAX)]
QuotaLimit = Annotated[int, _units(QUOTA_UNITS_MAX)]
KnownProvider = Annotated[str, known("provider")]
KnownTier = Annotated[str, known("tier")]
KnownDeployment = Annotated[str, known("deployment")]
KnownDetector = Annotated[str, known("detector")]
KnownIssuer = Annotated[str, known("issuer")]
KnownDataClass = Annotated[str, known("data class")]
DictionaryName = Annotated[str, shaped(r"[a-z][a-z0-9_]*", "must be a name of a-z, 0-9 and '_'", 48)]
TermsFile = Annotated[
    str,
    shaped(r"[a-z0-9][a-z0-9._-]*\.terms", "must be the name of a file beside this one that ends with .terms"),
    known("terms file"),
]
Fingerprint = Annotated[
    str, shaped(r"[0-9a-f]{32}", "must be the 32 hexadecimal digits that the audit trail shows for the finding")
]
DISTINCT = AfterValidator(_distinct)
NOT_EMPTY = AfterValidator(_not_empty)
ONCE = AfterValidator(_listed_once)


def endpoint(url: str) -> SplitResult:
    """The parts of a provider's absolute URL, path without its trailing slash. Raises PydanticCustomError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise fault("is not a URL; write it as https://host[:port]/path") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise fault("must be an absolute URL: https://host[:port]/path")
    if parts.username is not None or parts.password is not None:
        raise fault("must not hold a user name or password; put the key into the secrets directory, see 'credential'")
    if "?" in url or "#" in url:
        raise fault("must not have a query or a fragment; end it with the path, such as /v1")
    if not (_is_address(parts.hostname) or re.fullmatch(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*", parts.hostname)):
        raise fault("has a host that is neither a DNS name (punycode, if international) nor an IP address")
    path = parts.path.rstrip("/")
    if not re.fullmatch(r"(/[A-Za-z0-9._~%@:+-]+)*", path) or {".", ".."} & set(path.split("/")):
        raise fault("has a path with empty, '.' or '..' segments or characters that do not belong there")
    return parts._replace(path=path)


def is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
