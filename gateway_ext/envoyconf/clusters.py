"""A cluster of Envoy for each deployment that policy names, and the endpoints of the processors."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable
from pathlib import PurePosixPath

from envoy_data_plane.envoy.config.cluster.v3 import (
    CircuitBreakers,
    CircuitBreakersThresholds,
    CircuitBreakersThresholdsRetryBudget,
    Cluster,
    ClusterDiscoveryType,
    ClusterDnsLookupFamily,
    OutlierDetection,
    UpstreamConnectionOptions,
)
from envoy_data_plane.envoy.config.core.v3 import (
    Address,
    DataSource,
    Http1ProtocolOptions,
    Http2ProtocolOptions,
    HttpProtocolOptions,
    Pipe,
    SocketAddress,
    TcpKeepalive,
    TransportSocket,
)
from envoy_data_plane.envoy.config.endpoint.v3 import ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import (
    CertificateValidationContext,
    CommonTlsContext,
    SubjectAltNameMatcher,
    SubjectAltNameMatcherSanType,
    TlsParameters,
    TlsParametersTlsProtocol,
    UpstreamTlsContext,
)
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions as UpstreamHttp
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import (
    HttpProtocolOptionsAutoHttpConfig,
    HttpProtocolOptionsExplicitHttpConfig,
)
from envoy_data_plane.envoy.type.matcher.v3 import StringMatcher
from envoy_data_plane.envoy.type.v3 import Percent
from envoy_data_plane.google.protobuf import Any

from gateway_ext.envoyconf.filters import provider_filters
from gateway_ext.envoyconf.names import PROCESSOR_CLUSTER
from gateway_ext.limits import REQUEST_BODY_BYTES_MAX
from gateway_ext.routing.rules import Provider

_UPSTREAM_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
RETRIES_MIN = 4_096  # at a time
_DEFAULT_PORTS = {"http": 80, "https": 443}


def provider_cluster(name: str, provider: Provider, secrets_directory: PurePosixPath, system_ca_file: str) -> Cluster:
    """The cluster `name` (`provider/model`) at `provider`."""
    is_address = _is_ip(provider.host)
    return Cluster(
        name=name,
        type=ClusterDiscoveryType.STATIC if is_address else ClusterDiscoveryType.STRICT_DNS,
        dns_lookup_family=ClusterDnsLookupFamily.V4_PREFERRED,
        connect_timeout=datetime.timedelta(seconds=5),
        # A fallback's body is buffered once more by the upstream filters.
        per_connection_buffer_limit_bytes=REQUEST_BODY_BYTES_MAX,
        load_assignment=_assignment(name, [_provider_endpoint(provider)]),
        transport_socket=_tls(provider, is_address, system_ca_file) if provider.scheme == "https" else None,
        typed_extension_protocol_options={_UPSTREAM_HTTP: Any.pack(_http(name, provider, secrets_directory))},
        circuit_breakers=CircuitBreakers(thresholds=[_thresholds(provider)]),
        outlier_detection=OutlierDetection(
            interval=datetime.timedelta(seconds=5),
            base_ejection_time=datetime.timedelta(seconds=15),
            # Of one address none is ever ejected: a provider that recovers is used at once.
            max_ejection_percent=50,
            always_eject_one_host=False,
        ),
        upstream_connection_options=UpstreamConnectionOptions(
            tcp_keepalive=TcpKeepalive(keepalive_time=60, keepalive_interval=10, keepalive_probes=3)
        ),
    )


def _thresholds(provider: Provider) -> CircuitBreakersThresholds:
    """Envoy counts retries at the cluster that was tried first, and here a retry is the fallback to another one.

    So a budget that is a share of what runs there would refuse fallbacks just when all of it fails: RETRIES_MIN go out
    whatever runs, and above that as many as run. No request has more retries than it has deployments.
    """
    return CircuitBreakersThresholds(
        max_connections=provider.connections_max,
        max_pending_requests=provider.requests_max,
        max_requests=provider.requests_max,
        retry_budget=CircuitBreakersThresholdsRetryBudget(
            budget_percent=Percent(value=100), min_retry_concurrency=RETRIES_MIN
        ),
    )


def processors_assignment(sockets: Iterable[PurePosixPath]) -> ClusterLoadAssignment:
    """One endpoint for each processor's Unix socket."""
    return _assignment(PROCESSOR_CLUSTER, [Endpoint(address=Address(pipe=Pipe(path=str(path)))) for path in sockets])


def _assignment(name: str, endpoints: list[Endpoint]) -> ClusterLoadAssignment:
    members = [LbEndpoint(endpoint=endpoint) for endpoint in endpoints]
    return ClusterLoadAssignment(cluster_name=name, endpoints=[LocalityLbEndpoints(lb_endpoints=members)])


def _provider_endpoint(provider: Provider) -> Endpoint:
    # auto_host_rewrite takes the hostname for the Host field.
    host = f"[{provider.host}]" if ":" in provider.host else provider.host
    authority = host if provider.port == _DEFAULT_PORTS[provider.scheme] else f"{host}:{provider.port}"
    address = SocketAddress(address=provider.host, port_value=provider.port)
    return Endpoint(address=Address(socket_address=address), hostname=authority)


def _http(cluster: str, provider: Provider, secrets_directory: PurePosixPath) -> UpstreamHttp:
    filters = provider_filters(cluster, provider, secrets_directory)
    # Shorter than what common servers keep an idle connection open for, so that we close first.
    common = HttpProtocolOptions(idle_timeout=datetime.timedelta(seconds=50))
    if provider.scheme == "https":
        negotiated = HttpProtocolOptionsAutoHttpConfig(
            http_protocol_options=Http1ProtocolOptions(), http2_protocol_options=Http2ProtocolOptions()
        )
        return UpstreamHttp(common_http_protocol_options=common, auto_config=negotiated, http_filters=filters)
    plain = HttpProtocolOptionsExplicitHttpConfig(http_protocol_options=Http1ProtocolOptions())
    return UpstreamHttp(common_http_protocol_options=common, explicit_http_config=plain, http_filters=filters)


def _tls(provider: Provider, is_address: bool, system_ca_file: str) -> TransportSocket:
    """The provider's certificate must be issued by the given CA and be for the host that policy names."""
    validation = CertificateValidationContext(trusted_ca=DataSource(filename=provider.ca_file or system_ca_file))
    if is_address:
        validation.match_typed_subject_alt_names = [
            SubjectAltNameMatcher(
                san_type=SubjectAltNameMatcherSanType.IP_ADDRESS, matcher=StringMatcher(exact=provider.host)
            )
        ]
    context = UpstreamTlsContext(
        sni="" if is_address else provider.host,
        auto_sni_san_validation=not is_address,
        common_tls_context=CommonTlsContext(
            tls_params=TlsParameters(tls_minimum_protocol_version=TlsParametersTlsProtocol.TLSv1_2),
            validation_context=validation,
        ),
    )
    return TransportSocket(name="envoy.transport_sockets.tls", typed_config=Any.pack(context))


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
