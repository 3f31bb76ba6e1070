"""The values in a GGUF file's head, read one after the other within bounds."""

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pippin.formats.errors import BadModelFile
from pippin.formats.gguf_types import ARRAY, BOOL, SCALARS, STRING

Scalar = int | float | bool | str

MAX_HEAD_BYTES = 256 << 20
"""Names, values and tables before the weights."""
MAX_KEY_BYTES = 65_535
MAX_TEXT_BYTES = 8 << 20
"""Of one text that is a value by itself; a chat template is one."""
MAX_TEXTS_BYTES = 32 << 20
"""Of all such texts together."""
MAX_LENGTH = 4_000_000
"""Of one list: no vocabulary has as many tokens or merges."""
MAX_ITEMS = 8_000_000
"""Of all lists together."""
SHORT = 256
"""Lists up to this long are read at once, longer ones only when they are asked for."""
MAX_SHORT_ITEMS = 65_536
"""Of all lists that are read at once."""
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LongList:
    """A list that stays in the file, checked already: ``GGUFHeader.items`` reads it."""

    type: int
    """Of its items: a number of the format."""
    length: int
    offset: int
    """Where the first item begins, in bytes."""


Value = Scalar | tuple[Scalar, ...] | LongList


class Head:
    """Reads the head of one open file from its start. Every read is checked against the end of
    the file and of what a head may have. Raises ``BadModelFile``."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path
        self.file_bytes = os.fstat(file.fileno()).st_size
        self._end = min(self.file_bytes, MAX_HEAD_BYTES)
        self._buffer = b""
        self._at = 0
        """In the buffer."""
        self._buffered_to = 0
        """In the file."""
        self._items = 0
        self._short_items = 0
        self._text_bytes = 0

    @property
    def offset(self) -> int:
        """Where the next read begins."""
        return self._buffered_to - len(self._buffer) + self._at

    @property
    def left(self) -> int:
        """Bytes that may still be read."""
        return self._end - self.offset

    def seek(self, offset: int) -> None:
        """Go to a place that is inside the head."""
        self._buffer, self._at, self._buffered_to = b"", 0, offset

    def bad(self, what: str) -> BadModelFile:
        """An error that names the file."""
        return BadModelFile(f"{self._path} is no GGUF file that can be used: {what}.")

    def number(self, letter: str) -> int:
        """An integer, by its letter in ``struct``."""
        value = self._scalar(letter)
        return int(value)

    def name(self, most: int, what: str) -> str:
        """A short text that names something."""
        raw = self._bytes(self._length(most, what))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise self.bad(f"{what} is no text") from None

    def value(self, type: int, what: str) -> Value:
        """A value of this type. ``what``: its name, for errors."""
        if type == ARRAY:
            return self._list(what)
        if type == STRING:
            length = self._length(MAX_TEXT_BYTES, what)
            self._text_bytes += length
            if self._text_bytes > MAX_TEXTS_BYTES:
                raise self.bad("its texts are too long")
            return self._bytes(length).decode(errors="replace")
        return self._plain(type, what)

    def items(self, listed: LongList, what: str) -> tuple[Scalar, ...]:
        """All of a list that begins here."""
        if listed.type == STRING:
            return tuple(
                self._bytes(self._length(self.left, what)).decode(errors="replace")
                for _ in range(listed.length)
            )
        letter = SCALARS[listed.type]
        raw = self._bytes(struct.calcsize(letter) * listed.length)
        if listed.type == BOOL:
            return tuple(byte == 1 for byte in raw)
        return struct.unpack(f"<{listed.length}{letter}", raw)

    def _list(self, what: str) -> tuple[Scalar, ...] | LongList:
        type = self.number("I")
        if type == ARRAY:
            raise self.bad(f"{what} has lists in a list")
        if type != STRING and type not in SCALARS:
            raise self.bad(f"{what} is a list of an unknown type ({type})")
        length = self.number("Q")
        self._items += min(length, MAX_ITEMS + 1)
        if length > MAX_LENGTH or self._items > MAX_ITEMS:
            raise self.bad(f"{what} is too long a list")
        listed = LongList(type, length, self.offset)
        self._check(listed, what)
        if length > SHORT or self._short_items + length > MAX_SHORT_ITEMS:
            return listed
        if type == STRING:
            self._text_bytes += self.offset - listed.offset
            if self._text_bytes > MAX_TEXTS_BYTES:
                return listed
        self._short_items += length
        self.seek(listed.offset)
        return self.items(listed, what)

    def _check(self, listed: LongList, what: str) -> None:
        """Go over a list without keeping it."""
        if listed.type == STRING:
            for _ in range(listed.length):
                self._skip(self._length(self.left, what))
            return
        left = struct.calcsize(SCALARS[listed.type]) * listed.length
        if left > self.left:
            raise self._short()
        if listed.type != BOOL:
            self._skip(left)
            return
        while left:
            part = self._bytes(min(left, _CHUNK))
            left -= len(part)
            if part.translate(None, b"\x00\x01"):
                raise self.bad(f"{what} has a truth value that is neither 0 nor 1")

    def _plain(self, type: int, what: str) -> Scalar:
        letter = SCALARS.get(type)
        if letter is None:
            raise self.bad(f"{what} has an unknown type ({type})")
        value = self._scalar(letter)
        if type == BOOL:
            if value not in (0, 1):
                raise self.bad(f"{what} is a truth value that is neither 0 nor 1")
            return value == 1
        return value

    def _scalar(self, letter: str) -> int | float:
        form = f"<{letter}"
        value: int | float = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return value

    def _length(self, most: int, what: str) -> int:
        length = self.number("Q")
        if length > self.left:
            raise self._short()
        if length > most:
            raise self.bad(f"{what} is too long a text")
        return length

    def _bytes(self, count: int) -> bytes:
        if count > len(self._buffer) - self._at:
            self._fill(count)
        begin = self._at
        self._at += count
        return self._buffer[begin : self._at]

    def _skip(self, count: int) -> None:
        if count > self.left:
            raise self._short()
        if count <= len(self._buffer) - self._at:
            self._at += count
        else:
            self.seek(self.offset + count)

    def _fill(self, count: int) -> None:
        """Have at least so many bytes in the buffer."""
        if count > self.left:
            raise self._short()
        rest = self._buffer[self._at :]
        wanted = min(max(count - len(rest), _CHUNK), self._end - self._buffered_to)
        try:
            self._file.seek(self._buffered_to)
            fresh = self._file.read(wanted)
        except OSError as error:
            raise BadModelFile(f"{self._path} cannot be read: {error.strerror}.") from error
        self._buffered_to += len(fresh)
        self._buffer, self._at = rest + fresh, 0
        if count > len(self._buffer):
            raise self._short()  # it became shorter while it was read

    def _short(self) -> BadModelFile:
        if self._end < self.file_bytes:
            return self.bad(f"what comes before its weights has more than {MAX_HEAD_BYTES} bytes")
        return self.bad("it ends too early")
