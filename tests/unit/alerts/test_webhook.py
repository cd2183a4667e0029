"""Against a real receiver on the loopback address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from pathlib import Path

import pytest

from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.rules import Webhook
from gateway_ext.alerts.webhook import WebhookOutlet, read_key, signed
from gateway_ext.errors import ConfigurationError
from tests.servers.certificate import make_certificate
from tests.servers.webhooks import running_receiver
from tests.unit.alerts.alerts import NOW, made
from tests.unit.budget.reservations import FixedClock

KEY = b"k" * 32


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "hook.key"
    path.write_bytes(b"whsec_" + base64.b64encode(KEY) + b"\n")
    path.chmod(0o600)
    return path


def outlet(port: int, key_file: Path, scheme: str = "http", ca_file: str = "") -> WebhookOutlet:
    return WebhookOutlet(Webhook("hook", f"{scheme}://127.0.0.1:{port}/budgets", ca_file), key_file, FixedClock(NOW))


def test_the_specification_s_own_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    fields = signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert fields["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_message_is_signed_and_says_everything(key_file: Path) -> None:
    async with running_receiver() as receiver:
        await outlet(receiver.port, key_file).send([made(), made("eva")])
    ((headers, body),) = receiver.taken
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(KEY, content, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-timestamp"] == "1793000000"
    assert [each["value"] for each in json.loads(body)["alerts"]] == ["ada", "eva"]


async def test_a_repeated_message_has_the_same_id_and_another_one_not(key_file: Path) -> None:
    async with running_receiver() as receiver:
        hook = outlet(receiver.port, key_file)
        for alerts in ([made()], [made()], [made("eva")]):
            await hook.send(alerts)
    first, again, other = (headers["webhook-id"] for headers, _ in receiver.taken)
    assert first == again != other


@pytest.mark.parametrize("behaviour", ["500", "404", "429", "half", "redirect", "take and hang up"])
async def test_anything_but_success_is_no_delivery(key_file: Path, behaviour: str) -> None:
    async with running_receiver() as receiver:
        receiver.behave = [behaviour]
        with pytest.raises(Undelivered):
            await outlet(receiver.port, key_file).send([made()])
        assert receiver.seen == 1  # nothing was followed


async def test_a_status_is_all_that_is_waited_for(key_file: Path) -> None:
    async with running_receiver() as receiver:
        receiver.behave = ["take and never end"]
        await outlet(receiver.port, key_file).send([made()])


async def test_nobody_there_is_no_delivery(key_file: Path) -> None:
    async with running_receiver() as receiver:
        port = receiver.port
    with pytest.raises(Undelivered, match="ConnectError"):
        await outlet(port, key_file).send([made()])


async def test_a_receiver_must_show_a_certificate_that_is_trusted(key_file: Path, tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path / "certs")
    async with running_receiver(certificate.context) as receiver:
        with pytest.raises(Undelivered):
            await outlet(receiver.port, key_file, "https").send([made()])
        await outlet(receiver.port, key_file, "https", str(certificate.authority)).send([made()])
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("content", [b"", b"not base64!", base64.b64encode(b"short"), "schlüssel".encode()])
def test_a_key_that_is_none_is_named_and_not_shown(key_file: Path, content: bytes) -> None:
    key_file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"hook\.key") as caught:
        read_key(key_file)
    assert not content or content.decode() not in str(caught.value)


def test_a_key_that_others_may_read_is_not_used(key_file: Path) -> None:
    key_file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="others may access it"):
        read_key(key_file)


async def test_a_proxy_of_the_environment_is_not_asked(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "http_proxy", "http://127.0.0.1:1")
    async with running_receiver() as receiver:
        await outlet(receiver.port, key_file).send([made()])
    assert receiver.taken
