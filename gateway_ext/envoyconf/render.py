"""From a policy snapshot to the files that Envoy watches. Pure: same snapshot, same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from gateway_ext.envoyconf import names
from gateway_ext.envoyconf.clusters import processors_assignment, provider_cluster
from gateway_ext.envoyconf.key_routes import key_routes
from gateway_ext.envoyconf.messages import Message, typed
from gateway_ext.envoyconf.routes import route_configuration
from gateway_ext.envoyconf.shadow_routes import shadow_routes
from gateway_ext.envoyconf.yaml_text import dumped
from gateway_ext.policy.snapshot import Snapshot
from gateway_ext.settings import StateLayout

SYSTEM_CA_FILE = "/etc/ssl/certs/ca-certificates.crt"  # Debian, Ubuntu, Alpine and Envoy's own images

_NOTHING: Mapping[str, str] = MappingProxyType({})

CLUSTERS, ROUTES, PROCESSORS, KEYS = "clusters.yaml", "routes.yaml", "processors.yaml", "keys.yaml"
SHADOW = "shadow.yaml"
_TLS = "envoy.extensions.transport_sockets.tls.v3"


def render(
    snapshot: Snapshot,
    layout: StateLayout,
    processors: int,
    *,
    retiring: Sequence[Snapshot] = (),
    key_versions: Mapping[str, str] = _NOTHING,
    key_sets: Mapping[str, str] = _NOTHING,
    system_ca_file: str = SYSTEM_CA_FILE,
) -> dict[str, str]:
    """The content of each file below `layout.xds`, by relative name, in the order in which they must be written.

    What is referred to comes before what refers to it: secrets, then clusters, then routes. Paths inside are relative
    to `layout.root`, Envoy's working directory. `processors` is their number on this machine, at least 1. Deployments
    of `retiring` snapshots, newest last, are kept for requests that were decided by them. A key whose version in
    `key_versions` (keys.py) has changed is read again by Envoy. `key_sets` are the JWKS of our own issuers by name.
    """
    if processors < 1:
        raise ValueError("at least one processor is needed: without one every request is refused")
    sockets = [_relative(layout, layout.processor_socket(index)) for index in range(processors)]
    snapshots = (*retiring, snapshot)
    files = {
        f"secrets/{name}.yaml": _resources([_key(name, layout, key_versions.get(name, ""))])
        for name in sorted(set().union(*map(_credentials, snapshots)))
    }
    files["tls/server.yaml"] = _resources([_server_certificate(layout)])
    files["tls/clients-ca.yaml"] = _resources([_clients_ca(layout)])
    files[KEYS] = _resources([key_routes(key_sets)])
    files[PROCESSORS] = _resources([processors_assignment(sockets)])
    files[CLUSTERS] = _resources(_clusters(snapshots, layout, system_ca_file))
    files[SHADOW] = _resources([shadow_routes(snapshot)])
    files[ROUTES] = _resources([route_configuration(snapshot)])
    return files


def _clusters(snapshots: Sequence[Snapshot], layout: StateLayout, system_ca_file: str) -> list[Message]:
    providers = {
        candidate.cluster: snapshot.routing.providers[candidate.provider]
        for snapshot in snapshots  # of two with a cluster of the same name the later one counts
        for model in snapshot.routing.models.values()
        for candidate in model.deployments
    }
    secrets_directory = _relative(layout, layout.xds) / "secrets"
    return [
        provider_cluster(cluster, providers[cluster], secrets_directory, system_ca_file)
        for cluster in sorted(providers)
    ]


def _credentials(snapshot: Snapshot) -> set[str]:
    return {provider.credential for provider in snapshot.routing.providers.values() if provider.credential}


def _key(name: str, layout: StateLayout, version: str) -> Message:
    # Only where the key lies: Envoy reads it, and reads it again when this message is another one.
    key = {"secret": {"filename": str(_relative(layout, layout.secrets) / name)}}
    versions = {"secrets": {"version": {"inline_string": version}}} if version else {}
    return typed(f"{_TLS}.Secret", name=name, generic_secret=key | versions)


def _server_certificate(layout: StateLayout) -> Message:
    directory = _relative(layout, layout.certs)
    certificate = {
        "certificate_chain": {"filename": str(directory / "server.pem")},
        "private_key": {"filename": str(directory / "server.key")},
        "watched_directory": {"path": str(directory)},
    }
    return typed(f"{_TLS}.Secret", name=names.SERVER_CERTIFICATE, tls_certificate=certificate)


def _clients_ca(layout: StateLayout) -> Message:
    directory = _relative(layout, layout.certs)
    context = {
        "trusted_ca": {"filename": str(directory / "clients-ca.pem")},
        "watched_directory": {"path": str(directory)},
    }
    return typed(f"{_TLS}.Secret", name=names.CLIENTS_CA, validation_context=context)


def _relative(layout: StateLayout, path: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(layout.root))


def _resources(resources: Iterable[Message]) -> str:
    """A file of Envoy's filesystem subscription: a DiscoveryResponse in YAML."""
    return dumped({"resources": list(resources)})
