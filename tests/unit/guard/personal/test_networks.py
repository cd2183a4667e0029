from __future__ import annotations

import pytest

from gateway_ext.guard.personal.ip_address import PublicAddressRecognizer
from gateway_ext.guard.personal.mac_address import MacAddressRecognizer
from gateway_ext.guard.personal.recognizer import GuardRecognizer

IP, MAC = PublicAddressRecognizer(), MacAddressRecognizer()


def values(recognizer: GuardRecognizer, text: str) -> set[str]:
    return {text[start:end] for start, end, _ in recognizer.candidates(text)}


@pytest.mark.parametrize(
    "address", ["8.8.4.4", "93.184.216.34", "2a00:1450:4007:80f::200e", "2A01:CB00::1", "2606:4700::"]
)
def test_public_addresses(address: str) -> None:
    for frame in ("from {} today", "{}", "http://{}/x", "[{}]", "ip={},", "{}.", "{}/24"):
        assert values(IP, frame.format(address)) == {address}
        assert any(pattern.search(address + " ") for pattern in IP.PATTERNS)


@pytest.mark.parametrize(
    "text",
    [
        "192.168.1.10",
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.1.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "1.2.3.256",
        "1.2.3.4.5",
        "01.2.3.4",
        "version 4.8.15.16",
        "Chrome/99.0.48.151",
        "package==1.2.3.4",
        "v8.8.4.4",
        "2001:db8::1",
        "fe80::1",
        "2026:03:02 10:15",
        "2a00:::1",
    ],
)
def test_addresses_of_nobody_and_versions(text: str) -> None:
    assert values(IP, text) == set()


def test_equal_addresses_have_one_normal_form() -> None:
    assert IP.normalized("2A01:CB00:0:0:0:0:0:1") == IP.normalized("2a01:cb00::1")


@pytest.mark.parametrize("address", ["3c:22:fb:01:02:03", "3C-22-FB-01-02-03", "3c22.fb01.0203", "00:1B:63:84:45:E6"])
def test_mac_addresses(address: str) -> None:
    for frame in ("{}", "mac {}, up", "({})", "ether {}\n"):
        assert values(MAC, frame.format(address)) == {address}
    assert any(pattern.search(address) for pattern in MAC.PATTERNS)


@pytest.mark.parametrize(
    "text",
    [
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "01:00:5e:00:00:fb",
        "10-15-42-11-22-33",
        "3c:22:fb:01:02",
        "3c:22:fb:01:02:03:04:05",
        "3c:22-fb:01:02:03",
        "x3c:22:fb:01:02:03",
    ],
)
def test_not_mac_addresses(text: str) -> None:
    assert values(MAC, text) == set()


def test_notations_of_one_mac_address() -> None:
    assert {MAC.normalized(form) for form in ("3C-22-FB-01-02-03", "3c22.fb01.0203")} == {"3c22fb010203"}
