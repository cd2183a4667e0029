"""Alerts as the tests tell them."""

from __future__ import annotations

from urllib.parse import quote

from gateway_ext.alerts.alert import Alert, Kind
from gateway_ext.limits import NANO

NOW = 1_793_000_000 * NANO


def made(value: str = "ada", threshold_percent: int = 80, kind: Kind = Kind.THRESHOLD, told: int = NOW) -> Alert:
    return Alert(
        kind=kind,
        account=f"EUR/2026-10/per-user/user/{quote(value, safe='', errors='surrogatepass')}",
        budget="per-user",
        scope="user",
        value=value,
        model="",
        period="2026-10",
        currency="EUR",
        threshold_percent=threshold_percent,
        limit_nano=20 * NANO,
        carried_nano=0,
        topped_up_nano=0,
        posted_nano=16 * NANO + 250_000_000,
        held_nano=NANO,
        is_hard=True,
        told_unix_nano=told,
        ends_unix_nano=NOW + 86_400 * NANO,
    )
