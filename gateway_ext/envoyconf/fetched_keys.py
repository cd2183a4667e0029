"""The rules for keys that Envoy fetches from an identity provider: over TLS, seldom, and where their age is known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from gateway_ext.envoyconf.names import IDENTITY_PROVIDER_PREFIX, KEYS
from gateway_ext.envoyconf.problem import Problem

FETCH_SECONDS_MIN = 30.0  # between two fetches of a listener
EARLY_SECONDS = 5.0  # Envoy fetches so long before the cache ends
DOCUMENT = "see docs/identity-providers.md"


def fetched_keys(
    where: str, providers: Mapping[str, Any], clusters: Mapping[str, Any], aged: Collection[str]
) -> Iterator[Problem]:
    """All that is wrong with the jwt_authn `providers` of one listener. `aged` are policy's issuers with a maximum age."""
    for name, provider in providers.items():
        remote = provider.get("remote_jwks", {})
        is_fetched = bool(remote) and remote.get("http_uri", {}).get("cluster") != KEYS
        if is_fetched and name not in aged:
            yield Problem(
                where,
                f"identity.yaml does not say how old the fetched keys of '{name}' may be: Envoy believes them for ever",
                f"add keys_max_age_seconds, {DOCUMENT}",
            )
        if not is_fetched and name in aged:
            yield Problem(
                where,
                f"identity.yaml says how old the keys of '{name}' may be, but Envoy does not fetch them: all count as too old",
                f"remove keys_max_age_seconds, or use remote_jwks, {DOCUMENT}",
            )
        uri = remote.get("http_uri", {"uri": "https://"}).get("uri")
        if is_fetched and not str(uri).startswith("https://"):
            yield Problem(
                where,
                f"provider '{name}' fetches its keys without TLS: whoever answers could issue tokens",
                "use https://, for an issuer of the gateway's own the shipped listener 'keys'",
            )
        if is_fetched:
            yield from _fetch(where, name, remote, clusters)


def _fetch(where: str, name: str, remote: Mapping[str, Any], clusters: Mapping[str, Any]) -> Iterator[Problem]:
    cluster = remote.get("http_uri", {}).get("cluster")
    if cluster != f"{IDENTITY_PROVIDER_PREFIX}{name}":
        yield Problem(
            where,
            f"the keys of '{name}' come by cluster '{cluster}': their age cannot be told",
            f"call the cluster {IDENTITY_PROVIDER_PREFIX}{name}",
        )
    if not _is_verified(clusters.get(str(cluster), {})):
        yield Problem(
            where,
            f"nobody verifies who answers for the keys of '{name}': whoever does could issue tokens",
            f"give cluster '{cluster}' TLS with trusted_ca, sni and auto_sni_san_validation",
        )
    retry = remote.get("async_fetch", {}).get("failed_refetch_duration")
    if "async_fetch" not in remote:
        yield Problem(where, f"callers wait while the keys of '{name}' are fetched", "add async_fetch")
    elif _seconds(retry, 1) < FETCH_SECONDS_MIN:
        yield Problem(where, f"'{name}' is asked too often while it is away", "set failed_refetch_duration: 30s")
    if _seconds(remote.get("cache_duration"), 600) < FETCH_SECONDS_MIN + EARLY_SECONDS:
        yield Problem(where, f"'{name}' is asked too often for its keys", "set cache_duration: 35s, or more")


def _is_verified(cluster: Mapping[str, Any]) -> bool:
    socket = cluster.get("transport_socket", {}).get("typed_config", {})
    validation = socket.get("common_tls_context", {}).get("validation_context", {})
    names_host = socket.get("auto_sni_san_validation") or validation.get("match_typed_subject_alt_names")
    return bool(validation.get("trusted_ca") and names_host)


def _seconds(duration: str | None, default: float) -> float:
    """Of a protobuf duration in its JSON form; Envoy itself refuses others."""
    try:
        return default if duration is None else float(duration.removesuffix("s"))
    except ValueError:
        return 0.0
