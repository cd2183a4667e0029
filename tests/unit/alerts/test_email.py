"""Against a real mail server on the loopback address."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.email import EmailOutlet, compose, read_login
from gateway_ext.alerts.rules import Email, Encryption
from gateway_ext.errors import ConfigurationError
from tests.servers.certificate import Certificate, make_certificate
from tests.servers.smtp import PASSWORD, USER, MailServer, running_mail_server
from tests.unit.alerts.alerts import made

CHANNEL = Email("mail", "127.0.0.1", 0, "gateway@example.eu", ("finance@example.eu", "ops@example.eu"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certs"))


@pytest.fixture
def login(tmp_path: Path) -> Path:
    path = tmp_path / "mail.login"
    path.write_text(f"{USER}\n{PASSWORD}\n")
    path.chmod(0o600)
    return path


def channel(server: MailServer, certificate: Certificate) -> Email:
    return replace(CHANNEL, port=server.port, ca_file=str(certificate.authority))


@pytest.mark.parametrize("encryption", Encryption)
async def test_a_mail_is_handed_in_encrypted(certificate: Certificate, login: Path, encryption: Encryption) -> None:
    async with running_mail_server(certificate.context, tls_at_once=encryption is Encryption.TLS) as server:
        outlet = EmailOutlet(replace(channel(server, certificate), encryption=encryption), login)
        await outlet.send([made(), made("eva")])
        outlet.close()
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == (CHANNEL.sender, list(CHANNEL.recipients))
    assert mail.message["Auto-Submitted"] == "auto-generated"
    text = str(mail.message.get_payload())
    assert "user ada: has reached 80 %" in text
    assert "user eva" in text


@pytest.mark.parametrize(
    ("mood", "reason"),
    [("no starttls", "SMTPNotSupportedError"), ("refuse data", "the server answered 451")],
)
async def test_a_server_that_will_not_is_no_delivery(
    certificate: Certificate, login: Path, mood: str, reason: str
) -> None:
    async with running_mail_server(certificate.context) as server:
        server.mood = mood
        outlet = EmailOutlet(channel(server, certificate), login)
        with pytest.raises(Undelivered) as caught:
            await outlet.send([made()])
        outlet.close()
    assert str(caught.value) == reason  # and nothing of what the server said
    assert not server.mails


async def test_a_certificate_that_is_not_trusted_gets_neither_login_nor_mail(
    certificate: Certificate, login: Path
) -> None:
    async with running_mail_server(certificate.context) as server:
        outlet = EmailOutlet(replace(channel(server, certificate), ca_file=""), login)
        with pytest.raises(Undelivered, match="SSLCertVerificationError"):
            await outlet.send([made()])
        outlet.close()


@pytest.fixture
def wrong_login(login: Path) -> Path:
    login.write_text(f"{USER}\nhunter2\n")
    return login


async def test_a_wrong_password_is_no_delivery_and_is_not_shown(certificate: Certificate, wrong_login: Path) -> None:
    async with running_mail_server(certificate.context) as server:
        outlet = EmailOutlet(channel(server, certificate), wrong_login)
        with pytest.raises(Undelivered) as caught:
            await outlet.send([made()])
        outlet.close()
    assert str(caught.value) == "the server answered 535"


@pytest.mark.parametrize("mood", ["silence", "dribble"])
async def test_a_server_that_hangs_is_left_in_time(certificate: Certificate, login: Path, mood: str) -> None:
    async with running_mail_server(certificate.context) as server:
        server.mood = mood
        outlet = EmailOutlet(channel(server, certificate), login)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await outlet.send([made()])
        server.mood = ""
        await outlet.send([made()])  # its thread is free again
        outlet.close()
        assert time.monotonic() - began < 3
    assert len(server.mails) == 1


async def test_who_is_refused_does_not_keep_the_others_from_it(
    certificate: Certificate, login: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_mail_server(certificate.context) as server:
        server.refused = frozenset({"ops@example.eu"})
        outlet = EmailOutlet(channel(server, certificate), login)
        await outlet.send([made()])
        outlet.close()
    assert server.mails[0].recipients == ["finance@example.eu"]
    assert "1 recipients" in caplog.text
    assert "ops@" not in caplog.text


def test_a_name_from_a_token_makes_no_header() -> None:
    message = compose([made("x\r\nBcc: all@example.com")], CHANNEL)
    assert message["Bcc"] is None
    assert b"\nBcc" not in message.as_bytes()


def test_the_same_alerts_make_the_same_mail() -> None:
    assert compose([made()], CHANNEL)["Message-ID"] == compose([made()], CHANNEL)["Message-ID"]
    assert compose([made()], CHANNEL)["Message-ID"] != compose([made("eva")], CHANNEL)["Message-ID"]


@pytest.mark.parametrize("content", ["", "user only", "a\nb\nc\n"])
def test_a_login_that_is_none_is_named_and_not_shown(login: Path, content: str) -> None:
    login.write_text(content)
    with pytest.raises(ConfigurationError, match="two lines") as caught:
        read_login(login)
    assert not content or content not in str(caught.value)
