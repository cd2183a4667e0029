"""Alerts as mail, handed in to a server over SMTP (RFC 6409), always encrypted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import smtplib
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from gateway_ext.alerts.alert import Alert, sentence
from gateway_ext.alerts.delivery import Undelivered
from gateway_ext.alerts.rules import Email, Encryption
from gateway_ext.alerts.webhook import message_id, trust_anchors
from gateway_ext.clock import SystemClock
from gateway_ext.errors import ConfigurationError
from gateway_ext.limits import NANO
from gateway_ext.private_files import read_private

SECONDS = 10.0  # of each step of the conversation
SUBJECT_CHARACTERS_MAX = 200

_log = logging.getLogger(__name__)


class EmailOutlet:
    """One channel, with a thread of its own: a server that hangs keeps no other from being served."""

    def __init__(self, channel: Email, login_file: Path) -> None:
        self._channel = channel
        self._login_file = login_file
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"mail-{channel.name}")

    async def send(self, alerts: Sequence[Alert]) -> None:
        message = compose(alerts, self._channel)
        submission = _Submission(self._channel, self._login_file)
        try:
            refused = await asyncio.get_running_loop().run_in_executor(self._thread, submission.run, message)
        finally:
            submission.abort()  # when cancelled, for want of time or at the end of the process
        if refused:
            _log.warning("mail channel '%s': the server takes no mail for %d recipients", self._channel.name, refused)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class _Submission:
    """One conversation with a server, in a thread; `abort` ends it from another one."""

    def __init__(self, channel: Email, login_file: Path) -> None:
        self._channel = channel
        self._login_file = login_file
        self._client: smtplib.SMTP | None = None
        self._is_aborted = False

    def run(self, message: EmailMessage) -> int:
        """How many recipients were refused while others were not. Raises Undelivered, ConfigurationError."""
        login = read_login(self._login_file) if self._channel.is_authenticated else None
        try:
            with contextlib.closing(self._connect()) as client:
                if login is not None:
                    client.login(*login)
                refused = client.send_message(message, self._channel.sender, self._channel.recipients)
                with contextlib.suppress(smtplib.SMTPException, OSError):
                    client.quit()  # the server has taken it: how it says farewell changes nothing
                return len(refused)
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"the server answered {error.smtp_code}") from None  # its words may quote the message
        except (smtplib.SMTPException, OSError, ValueError) as error:
            raise Undelivered(type(error).__name__) from None

    def abort(self) -> None:
        """The thread gets an error at once, if it waits for the server."""
        self._is_aborted = True
        connection = getattr(self._client, "sock", None)
        if connection is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _connect(self) -> smtplib.SMTP:
        channel, trust = self._channel, trust_anchors(self._channel.ca_file)
        name = channel.sender.rpartition("@")[2]  # looking up the own name may take minutes without a name server
        if channel.encryption is Encryption.TLS:
            return _TlsClient(self._begin, channel.host, channel.port, name, timeout=SECONDS, context=trust)
        client = _Client(self._begin, channel.host, channel.port, name, timeout=SECONDS)
        try:
            client.starttls(context=trust)  # raises unless the server offers it
        except BaseException:
            client.close()
            raise
        return client

    def _begin(self, client: smtplib.SMTP) -> None:
        if self._is_aborted:
            raise TimeoutError
        self._client = client


class _Client(smtplib.SMTP):
    """Says when it begins to connect: from then on it can be ended."""

    def __init__(self, begin: Callable[[smtplib.SMTP], None], *arguments: Any, **options: Any) -> None:
        self._begin = begin
        super().__init__(*arguments, **options)

    def connect(self, *arguments: Any, **options: Any) -> tuple[int, bytes]:
        self._begin(self)
        return super().connect(*arguments, **options)


class _TlsClient(_Client, smtplib.SMTP_SSL):
    pass


def compose(alerts: Sequence[Alert], channel: Email) -> EmailMessage:
    """A mail that no vacation notice answers (RFC 3834). The same alerts make a mail with the same Message-ID."""
    first, others = sentence(alerts[0]), len(alerts) - 1
    message = EmailMessage(policy=SMTP)
    subject = f"Budget alert: {first}" if not others else f"Budget alerts: {others} more, and {first}"
    message["Subject"] = subject[:SUBJECT_CHARACTERS_MAX]
    message["From"] = channel.sender
    message["To"] = ", ".join(channel.recipients)
    message["Date"] = format_datetime(datetime.fromtimestamp(SystemClock().now_unix_nano() // NANO, UTC))
    message["Message-ID"] = f"<{message_id(alerts)}@{channel.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("".join(f"{sentence(alert)}\n" for alert in alerts))
    return message


def read_login(path: Path) -> tuple[str, str]:
    """User and password, a line each. Raises ConfigurationError, which never repeats them."""
    try:
        user, password = read_private(path).decode().splitlines()
    except OSError as error:
        raise ConfigurationError(
            f"{path}: the mail server's login cannot be read ({error.strerror}); write user and password into it, a line"
            " each, mode 0600, or say 'login: false' in budgets.yaml"
        ) from None
    except ValueError:
        raise ConfigurationError(f"{path}: must hold two lines, the user and the password") from None
    return user, password
