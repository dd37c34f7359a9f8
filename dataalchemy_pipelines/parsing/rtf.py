"""Rich Text Format: the text of its groups, charset by charset. Source: RTF specification 1.9.1."""

from __future__ import annotations

import re

from dataalchemy_pipelines.parsing.verdict import Input, Parsed, Unparsable

_TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9A-Fa-f]{2})|\\([^A-Za-z'])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_DESTINATIONS = frozenset(
    b"fonttbl colortbl stylesheet listtable listoverridetable rsidtbl generator themedata colorschememapping datastore "
    b"latentstyles pict objdata fldinst xmlnstbl mmathPr filetbl revtbl info pgdsctbl nonshppict shpinst bkmkstart "
    b"bkmkend pntxtb pntxta listtext".split()
)
_CHARACTERS = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"tab": "\t", b"cell": "\t",
    b"nestcell": "\t", b"nestrow": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’",
    b"ldblquote": "“", b"rdblquote": "”", b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\n": "\n", b"\r": "\n"}
_CHARSETS = {128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253", 162: "cp1254", 163: "cp1258",
             177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250"}  # fmt: skip


def parse_rtf(payload: bytes, record: Input) -> Parsed:
    """The visible text of an RTF document, a line a paragraph. Raises Unparsable: broken where groups do not close."""
    return Parsed(text=_Reader().read(payload))


class _Reader:
    """Follows groups: whether text counts, how many stand-in characters follow \\u, and the font's charset."""

    def __init__(self) -> None:
        self._stack: list[tuple[bool, int, str]] = []
        self._shown, self._stand_ins, self._charset = True, 1, "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0
        self._in_fonts = -1
        self._skip = 0
        self._pending = bytearray()
        self._pieces: list[str] = []

    def read(self, payload: bytes) -> str:
        """The text of the whole file."""
        starred = False
        for match in _TOKEN.finditer(payload):
            word, number, code, symbol, brace, run = match.groups()
            if code is not None:
                self._byte(bytes([int(code, 16)]))
            elif run is not None:
                self._byte(run)
            elif brace is not None:
                self._group(brace)
                if not self._stack:
                    break
            elif symbol is not None:
                starred = symbol == b"*"
                if not starred:
                    self._write(_SYMBOLS.get(symbol, ""))
                continue
            elif word is not None:
                self._word(word, int(number) if number else None, starred=starred)
            starred = False
        if self._stack:
            raise Unparsable("broken")
        self._flush()
        return "".join(self._pieces)

    def _group(self, brace: bytes) -> None:
        self._flush()
        self._skip = 0
        if brace == b"{":
            self._stack.append((self._shown, self._stand_ins, self._charset))
        elif self._stack:
            self._shown, self._stand_ins, self._charset = self._stack.pop()
            if len(self._stack) < self._in_fonts:
                self._in_fonts = -1

    def _word(self, word: bytes, number: int | None, *, starred: bool) -> None:
        if word == b"u" and number is not None:
            self._write(chr(number & 0xFFFF))
            self._skip = self._stand_ins
        elif word == b"uc":
            self._stand_ins = number or 0
        elif word == b"ansicpg" and number:
            self._charset = f"cp{number}"
        elif word == b"fonttbl":
            self._in_fonts, self._shown = len(self._stack), False
        elif word == b"f" and number is not None:
            self._flush()
            self._font = number
            if self._in_fonts < 0:
                self._charset = self._fonts.get(number, self._charset)
        elif word == b"fcharset" and number in _CHARSETS:
            self._fonts[self._font] = _CHARSETS[number]
        elif word in _CHARACTERS:
            self._write(_CHARACTERS[word])
        elif word in _DESTINATIONS or (starred and word != b"shppict"):
            self._flush()
            self._shown = False
        elif word == b"v":
            self._flush()
            self._shown = number == 0

    def _byte(self, run: bytes) -> None:
        dropped = min(self._skip, len(run))
        self._skip -= dropped
        if self._shown:
            self._pending += run[dropped:]

    def _write(self, text: str) -> None:
        self._flush()
        if self._shown:
            self._pieces.append(text)

    def _flush(self) -> None:
        if self._pending:
            try:
                self._pieces.append(self._pending.decode(self._charset, "replace"))
            except LookupError:
                self._pieces.append(self._pending.decode("cp1252", "replace"))
            self._pending.clear()
