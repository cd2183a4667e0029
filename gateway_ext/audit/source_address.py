"""Where a request came from, as policy lets the trail say it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from gateway_ext.audit.rules import SourceAddresses

IPV4_PREFIX_BITS = 24
IPV6_PREFIX_BITS = 48


def recorded_address(address: str, rule: SourceAddresses) -> str:
    """`address` as Envoy writes it (`192.0.2.7:4711`, `[2001:db8::7]:4711`, either without the port), in the form to keep.

    Truncated it is the network: `192.0.2.0/24`, `2001:db8::/48`. What is no IP address is then left out.
    """
    match rule:
        case SourceAddresses.KEEP:
            return address
        case SourceAddresses.TRUNCATE:
            return _network(address)
        case SourceAddresses.DROP:
            return ""


def _network(address: str) -> str:
    host = address.partition("]")[0].lstrip("[") if address.startswith("[") else address
    if host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found: IPv4Address | IPv6Address = ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    bits = IPV4_PREFIX_BITS if isinstance(found, IPv4Address) else IPV6_PREFIX_BITS
    return str(ip_network((found, bits), strict=False))
