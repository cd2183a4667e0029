"""A child's output: kept in a file that is rotated by size, and optionally shown, each line under the child's name."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path
from typing import BinaryIO

FILE_BYTES_MAX = 8 * 1024 * 1024
FILES_KEPT = 2  # <name>.log.1 and <name>.log.2
LINE_BYTES_MAX = 64 * 1024
TAIL_LINES = 15


class ChildLog:
    """Writes <directory>/<name>.log. `tail` holds the last lines, to explain a failed start."""

    def __init__(self, directory: Path, name: str, is_shown: bool = False, file_bytes_max: int = FILE_BYTES_MAX):
        self._path = directory / f"{name}.log"
        self._name = name
        self._is_shown = is_shown
        self._file_bytes_max = file_bytes_max
        self._file = self._path.open("ab", buffering=0)
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)

    async def follow(self, pipe: BinaryIO) -> None:
        """Copy lines from a pipe until its end, and close it. A line beyond LINE_BYTES_MAX is written in pieces."""
        stream = asyncio.StreamReader(LINE_BYTES_MAX)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
        try:
            await self._copy(stream)
        finally:
            transport.close()

    async def _copy(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while data := await stream.read(LINE_BYTES_MAX):
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._write(line)
            if len(rest) >= LINE_BYTES_MAX:
                self._write(rest)
                rest = b""
        if rest:
            self._write(rest)

    def close(self) -> None:
        self._file.close()

    def _write(self, line: bytes) -> None:
        try:
            if self._file.tell() + len(line) >= self._file_bytes_max:
                self._rotate()
            self._file.write(line + b"\n")
        except (OSError, ValueError):  # ValueError: the file is closed because rotating it failed
            pass  # a full disk costs the line; to stop reading would block the child
        text = line.decode("utf-8", "backslashreplace")
        self.tail.append(text)
        if self._is_shown:
            sys.stderr.write(f"[{self._name}] {text}\n")

    def _rotate(self) -> None:
        self._file.close()
        for number in range(FILES_KEPT, 0, -1):
            older = self._path.with_name(f"{self._path.name}.{number}")
            newer = self._path.with_name(f"{self._path.name}.{number - 1}") if number > 1 else self._path
            if newer.exists():
                newer.replace(older)
        self._file = self._path.open("ab", buffering=0)
