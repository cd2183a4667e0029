from __future__ import annotations

import pytest

from gateway_ext.audit.rules import SourceAddresses
from gateway_ext.audit.source_address import recorded_address

NETWORKS = {
    "192.0.2.7": "192.0.2.0/24",
    "192.0.2.7:4711": "192.0.2.0/24",
    "2001:db8:1:2:3::7": "2001:db8:1::/48",
    "[2001:db8:1:2:3::7]:4711": "2001:db8:1::/48",
    "[::1]:1": "::/48",
    "::ffff:192.0.2.7": "192.0.2.0/24",
    "[::ffff:192.0.2.7]:4711": "192.0.2.0/24",
    "fe80::1%eth0": "fe80::/48",
    "": "",
    "@pipe": "",
    "/run/gateway.sock": "",
    "host.example:80": "",
    "192.0.2.7.8": "",
}


@pytest.mark.parametrize("address", NETWORKS)
def test_policy_says_how_much_of_an_address_is_kept(address: str) -> None:
    assert recorded_address(address, SourceAddresses.KEEP) == address
    assert recorded_address(address, SourceAddresses.TRUNCATE) == NETWORKS[address]
    assert recorded_address(address, SourceAddresses.DROP) == ""
