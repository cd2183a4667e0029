"""What is left of quotas, in the header fields by which clients of each dialect go.

OpenAI's API reference, "Rate limits in headers"; Anthropic's, "Rate limits: Response headers". Only requests and tokens have
such fields. `remaining` and `reset` are those of the quota that has least left.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from gateway_ext.exchange import Dialect
from gateway_ext.quota import Quota, Unit

_UNITS = (Unit.REQUESTS, Unit.TOKENS)
_OPENAI = {unit: tuple(f"x-ratelimit-{part}-{unit}" for part in ("limit", "remaining", "reset")) for unit in _UNITS}
_ANTHROPIC = {
    unit: tuple(f"anthropic-ratelimit-{unit}-{part}" for part in ("limit", "remaining", "reset")) for unit in _UNITS
}
_NAMES = {Dialect.OPENAI: _OPENAI, Dialect.ANTHROPIC: _ANTHROPIC}

# A provider's own would tell how much our account there has left.
_ANTHROPIC_KINDS = (
    "requests",
    "tokens",
    "input-tokens",
    "output-tokens",
    "priority-input-tokens",
    "priority-output-tokens",
)
PROVIDERS_NAMES = (
    *(name for names in _OPENAI.values() for name in names),
    *(f"anthropic-ratelimit-{kind}-{part}" for kind in _ANTHROPIC_KINDS for part in ("limit", "remaining", "reset")),
)


def field_names(dialect: Dialect) -> tuple[str, ...]:
    """All that `rate_limit_fields` may have."""
    return tuple(name for names in _NAMES[dialect].values() for name in names)


def rate_limit_fields(dialect: Dialect, quotas: Sequence[Quota]) -> dict[str, str]:
    """By name of the field, for each unit that there is a quota of."""
    found: dict[str, str] = {}
    for unit in _UNITS:
        tightest = min((quota for quota in quotas if quota.unit is unit), key=lambda quota: quota.left, default=None)
        if tightest is not None:
            reset = _duration(tightest) if dialect is Dialect.OPENAI else _moment(tightest)
            found |= zip(_NAMES[dialect][unit], (str(tightest.limit), str(tightest.left), reset), strict=True)
    return found


def _duration(quota: Quota) -> str:
    """As OpenAI writes it: 1h30m0s, 6m0s, 1s."""
    minutes, seconds = divmod(quota.full_in_seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}s"
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _moment(quota: Quota) -> str:
    """As Anthropic writes it: RFC 3339."""
    moment = datetime.datetime.fromtimestamp(quota.full_unix_seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
