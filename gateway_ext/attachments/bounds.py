"""What reading one request's attachments may cost, all of them together."""

from __future__ import annotations

from collections.abc import Callable

from gateway_ext import limits


class Unreadable(Exception):  # noqa: N818  (becomes a finding)
    """Bytes that cannot be read as text. `what` is what they are: a media type, or one with the reason behind `;`.

    `advice` is for whoever registers a file: what is wrong and what to do. Neither quotes anything of the content.
    """

    def __init__(self, what: str, advice: str = "not text; text files and office documents can be read") -> None:
        super().__init__(advice)
        self.what = what


class Bounds:
    """Budgets that only shrink. `is_late` tells when time is up; it is asked once for every few kilobytes of work."""

    __slots__ = ("_characters", "_is_late", "_members", "_unpacked_bytes")

    def __init__(
        self,
        unpacked_bytes: int = limits.ATTACHMENT_UNPACKED_BYTES_MAX,
        characters: int = limits.ATTACHMENT_CHARACTERS_MAX,
        members: int = limits.ATTACHMENT_MEMBERS_MAX,
        is_late: Callable[[], bool] = bool,
    ) -> None:
        self._unpacked_bytes = unpacked_bytes
        self._characters = characters
        self._members = members
        self._is_late = is_late

    def charge_unpacked(self, size_bytes: int) -> None:
        """Bytes that came out of a compressed stream. Raises Unreadable past the bound."""
        self._unpacked_bytes -= size_bytes
        if self._unpacked_bytes < 0:
            raise Unreadable("too large; unpacked", "more bytes unpacked than can be read; split the document")
        self.charge_time()

    def charge_text(self, characters: int) -> None:
        """Characters of text that were read. Raises Unreadable past the bound."""
        self._characters -= characters
        if self._characters < 0:
            raise Unreadable("too large; text", "more text than can be read; split the document")
        self.charge_time()

    def charge_members(self, count: int) -> None:
        """Files within archives, parts of mails. Raises Unreadable past the bound."""
        self._members -= count
        if self._members < 0:
            raise Unreadable("too large; members", "more files in the archive than can be read; split it")
        self.charge_time()

    def charge_time(self) -> None:
        """Raises Unreadable when time is up."""
        if self._is_late():
            raise Unreadable("too large; time", "reading it takes too long; split the document")
