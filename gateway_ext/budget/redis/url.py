"""Where Redis is. Its password is never in an address that ends up in files, lists of processes and errors."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from gateway_ext.errors import ConfigurationError

_FORM = "redis_url is not of the form redis://host:port/number, rediss://… for TLS, or unix:///path"


def checked(url: str) -> str:
    """`url`, if it can be used. Raises ConfigurationError, which never repeats it."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(_FORM) from None
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ConfigurationError(_FORM)
    if parts.password is not None or any(name == "password" for name, _ in parse_qsl(parts.query)):
        raise ConfigurationError(
            "redis_url holds a password; put it into a file of mode 0600 that redis_password_file names"
        )
    return url


def password(path: str) -> str | None:
    """What the file says; None without one. Raises ConfigurationError, which never repeats it."""
    if not path:
        return None
    try:
        is_open_to_others = Path(path).stat().st_mode & 0o077
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the password of Redis cannot be read ({type(error).__name__})") from None
    if is_open_to_others:
        raise ConfigurationError(f"{path}: readable by others; run 'chmod 600' on it")
    return text
