"""What a personal value looks like: where to look, the exact shape, and the proof. Keys and passwords are in keys.py.

A detector has two expressions. ``anchor`` runs in Rust over every text and says where to look; it may be generous.
``pattern`` runs in Python at these places alone, with lookarounds, and ``accept`` checks what no expression can.
Every repetition is bounded or ends where its match ends, so that no text takes more than linear time.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Detector:
    """Finds one kind of value.

    ``reach`` is how many characters past the end of its anchor a match may extend or look. ``at_start`` says that a
    match begins where its anchor does. ``narrow`` says that only the last named group of a match is masked.
    """

    kind: str
    anchor: str
    pattern: re.Pattern[str]
    accept: Callable[[re.Match[str]], bool]
    reach: int = 8
    at_start: bool = False
    narrow: bool = False

    def matches(self, text: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """Accepted matches that begin within the anchor ``text[start:end]``."""
        if self.at_start:
            match = self.pattern.match(text, start, end + self.reach)
            if match and self.accept(match):
                yield match
            return
        for match in self.pattern.finditer(text, start, end + self.reach):
            if match.start() >= end:
                return
            if self.accept(match):
                yield match


def _before(match: re.Match[str], chars: int) -> str:
    return match.string[max(0, match.start() - chars) : match.start()]


_FILE_SUFFIXES = re.compile(
    r"png|jpe?g|gif|svg|webp|ico|css|js|json|xml|html|txt|exe|dll|jar|zip|gz|plist", re.IGNORECASE
)
_MACHINE_ACCOUNTS = frozenset({"git", "hg", "svn"})


def _is_email(match: re.Match[str]) -> bool:
    """``icon@2x.png`` is a file, ``git@host:repo`` and ``user:password@host`` are no mailboxes."""
    local, _, domain = match[0].rpartition("@")
    labels = domain.split(".")
    if _FILE_SUFFIXES.fullmatch(labels[-1]) or local.lower() in _MACHINE_ACCOUNTS:
        return False
    if any(not label or label.startswith("-") or label.endswith("-") for label in labels):
        return False
    return not re.search(r"://[^\s/@]{0,64}:$", _before(match, 80))


EMAIL = Detector(
    "EMAIL",
    anchor=r"[^\x00-\x20@<>()\[\],:;\x22|/=\\]{1,64}@[^\x00-\x20@<>()\[\],:;\x22|/=\\]{1,253}",
    pattern=re.compile(
        r"[\w.+%&'*~^!#$?{}-]{0,63}[\w+%-]@(?:[^\W_](?:[\w-]{0,62})\.){1,8}(?:[^\W\d_]{2,24}|xn--[\w-]{1,59})"
    ),
    accept=_is_email,
)

ENCODED_EMAIL = Detector(
    "EMAIL",
    anchor=r"[A-Za-z0-9._+-]{1,64}%40[A-Za-z0-9.-]{1,253}",
    pattern=re.compile(r"[A-Za-z0-9._+-]{1,64}%40(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,8}[A-Za-z]{2,24}", re.ASCII),
    accept=lambda match: not _FILE_SUFFIXES.fullmatch(match[0].rpartition(".")[2]),
    at_start=True,
)
"""As it stands in the query of a link."""

_CARD_PREFIXES = (
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"3(?:0[0-5]|[689])"), {14, 16, 17, 18, 19}),
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),
    (re.compile(r"2131|1800"), {15}),
    (re.compile(r"6(?:011|4[4-9]|5|2)"), {16, 17, 18, 19}),
    (re.compile(r"50(?:18|20|38)|5[678]|6304|6759|676[123]"), set(range(12, 20))),
)
"""Visa, Mastercard, Amex, Diners, JCB (twice), Discover and UnionPay, Maestro. Source: ISO/IEC 7812 issuer lists."""


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit. Source: ISO/IEC 7812-1, annex B."""
    doubled = "0246813579"
    return sum(int(doubled[int(d)]) if i % 2 else int(d) for i, d in enumerate(reversed(digits))) % 10 == 0


def _is_card(match: re.Match[str]) -> bool:
    digits = re.sub(r"[^0-9]", "", match[0])
    issued = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _CARD_PREFIXES)
    return issued and not digits.endswith("00000000") and luhn(digits)


CARD = Detector(
    "CARD",
    anchor=r"[0-9](?:[ .-]?[0-9]){11,}",
    pattern=re.compile(
        r"(?<![0-9A-Za-z/])(?<![0-9]\.)"
        r"(?:[0-9]{4}[ .-]?[0-9]{4}[ .-]?[0-9]{4}[ .-]?[0-9]{1,4}(?:[ .-]?[0-9]{1,3})?"
        r"|[0-9]{4}[ .-][0-9]{6}[ .-][0-9]{4,5}|[0-9]{12,19})(?![0-9A-Za-z])"
    ),
    accept=_is_card,
)

_IBAN_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 "
    "EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 "
    "KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 "
    "PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 "
    "VA22 VG24 XK20 YE30"
)
"""Country and characters of an IBAN. Source: SWIFT IBAN registry."""
_IBAN_SHAPES = "|".join(
    rf"{entry[:2]}[0-9]{{2}}(?:[ -]?[A-Za-z0-9]){{{int(entry[2:]) - 4}}}" for entry in _IBAN_REGISTRY.split()
)


def iban_checks(text: str) -> bool:
    """Whether the check digits fit: the number with its head moved to the end is 1 modulo 97. Source: ISO 13616."""
    compact = re.sub(r"[ -]", "", text).upper()
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


IBAN = Detector(
    "IBAN",
    anchor=r"[A-Za-z]{2}[0-9]{2}[ -]?(?:[A-Za-z0-9]{4}[ -]?){2}[A-Za-z0-9]",
    pattern=re.compile(rf"(?<![0-9A-Za-z])(?:{_IBAN_SHAPES})(?![0-9A-Za-z])", re.IGNORECASE),
    accept=lambda match: iban_checks(match[0]),
    reach=72,
    at_start=True,
)

_BEFORE_CHARS = 32
_VERSION_BEFORE = re.compile(
    r"(?:\bv|versions?|\bver\.?|releases?|\bsdk|build|firmware|driver|section|chapter|clause|§)"
    r"(?P<gap>[ \t:=\"'`>*|\\]{0,12})$",
    re.IGNORECASE,
)
"""The gap takes a key and a value in JSON, also JSON within JSON, an XML element, and neighbouring cells of a table."""

_NETWORK_WORDS = r"ips?|ipv4|address|addr|hosts?|servers?|dns|ping|gateway|client|peer|node|resolver|proxy|via"
_WORD = rf"(?!(?:{_NETWORK_WORDS})\b)[A-Za-z]{{2,16}}"
_WORD_BEFORE = re.compile(rf"(?:(?<![A-Za-z]){_WORD}[ \t]{{1,2}}|(?<![\w.:/-]){_WORD}/)$", re.IGNORECASE)


def _is_ip(match: re.Match[str]) -> bool:
    """Loopback, unspecified and netmask addresses are the same everywhere and tell nothing, so they stay readable.

    Private and documentation ranges are masked: the former describe a network, and the latter stand in samples for
    addresses that nobody can tell from real ones.
    """
    try:
        address = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    announced = _VERSION_BEFORE.search(_before(match, _BEFORE_CHARS))
    if announced and not _is_reserved(address, in_table="|" in announced["gap"]):
        return False
    if address.version == 6 and not re.search(r"[0-9]", match[0]):
        return False
    if address.version == 4 and _reads_as_version(match):
        return False
    return not (address.is_loopback or address.is_unspecified or match[0].startswith("255."))


def _is_reserved(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, in_table: bool) -> bool:
    """Whether nothing but an address looks like this (``driver 192.168.1.4``): versions start with 0 and with 10.

    The cell after a device may hold either; there, 10 is a network: ``| print driver | 10.20.4.17 |``.
    """
    return address.is_private and not str(address).startswith(("0.",) if in_table else ("0.", "10."))


def _reads_as_version(match: re.Match[str]) -> bool:
    """Four small numbers after a word (``jruby 9.4.5.0``) are a release, unless the word speaks of networks.

    So are they after a word and a slash (``Firefox/3.6.8.0``); after a slash, a host's address may stand as well.
    """
    small = all(int(octet) < 32 for octet in match[0].split(".")) and not match[0].startswith("10.")
    return small and bool(_WORD_BEFORE.search(_before(match, _BEFORE_CHARS)))


_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
IP = Detector(
    "IP",
    anchor=r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?:[0-9A-Fa-f]{1,4}:){3}[0-9A-Fa-f:]*|[0-9A-Fa-f:]*::[0-9A-Fa-f:]*",
    pattern=re.compile(
        rf"(?<![\w:.-])(?:{_OCTET}(?:\.{_OCTET}){{3}}(?!\.?[0-9]|[\w-])"
        rf"|[0-9A-Fa-f]{{0,4}}(?::[0-9A-Fa-f]{{0,4}}){{2,7}}(?::{_OCTET}(?:\.{_OCTET}){{3}})?(?![\w:]|\.[0-9]))"
    ),
    accept=_is_ip,
    reach=40,
)

_ANNOUNCED = (
    r"(?:(?:telefon|mobil|handy|ruf|fax|tel)-?(?:nummer|nr\.?)|telephone|phone|fone|fon|tel|mobile?|cell|handy|fax"
    r"|durchwahl|desk|office|whatsapp|sms|call|calling|called|dial|ring|contact|reach|hotline"
    r"|pager|direct line|telefono|telefon|cellulare|movil|m\u00f3vil|tel\u00e9fono|t\u00e9l|t\u00e9l\u00e9phone|ph"
    r"|\u0442\u0435\u043b|\u7535\u8bdd|\u96fb\u8a71|\u624b\u673a|\uc804\ud654)"
)
_NUMBERED = re.compile(
    r"(?:\b(?:ids?|no|version|build|ticket|issue|order|invoice|case|ssn|isbn|port|pid|tid|line)\b|#)[^\w\n]{0,3}$",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?<![0-9])(?:[0-9]{1,2}[./-][0-9]{1,2}[./-](?:19|20)[0-9]{2}|(?:19|20)[0-9]{2}[./-][0-9]{1,2}[./-][0-9]{1,2})(?![0-9])"
)
_EXTENSION = r"(?:[ ,]{0,2}(?:[xX]|[eE]xt\.?|extension) ?[0-9]{1,6})?"
_SHAPES = {
    "plus": r"\+ ?\(?[1-9][0-9]{0,3}\)?(?:[ ./-]{0,2}\(?[0-9]{1,12}\)?){1,7}",
    "us": r"(?:\+?(?:001|1)[ .-])?(?:\([2-9][0-9]{2}\) ?|[2-9][0-9]{2}[ .-])[2-9][0-9]{2}[ .-][0-9]{4}",
    "area": r"\(0?[0-9]{1,5}\)[ /-]?[0-9]{2,4}(?:[ .-]?[0-9]{2,4}){1,3}",
    "mobile": r"0(?:1[567][0-9]{1,2}[ /-][0-9]{7,8}|7[0-9]{3} [0-9]{6})",
    "zero": r"0[0-9]{1,5}(?:[ ./-]{1,3}[0-9]{2,8}){1,5}",
}
_AFTER = r"(?![0-9A-Za-z_])(?![-.:/][0-9])"


def _digits(text: str) -> int:
    return sum(c.isdigit() for c in re.split(r"[A-Za-z]", text, maxsplit=1)[0])


def _is_phone(match: re.Match[str]) -> bool:
    """E.164 allows 15 digits; dates and numbers that are said to be something else are not taken."""
    if _DATE.search(match[0]) or _NUMBERED.search(_before(match, 16)):
        return False
    digits = _digits(match[0])
    if match["area"]:
        return 7 <= digits <= 12 and not re.match(r"\((?:19|20)[0-9]{2}\)", match[0])
    if match["zero"]:
        return 9 <= digits <= 15 and len(re.findall(r"[0-9]+", match[0])) >= 3
    return bool(match["us"] or match["mobile"]) or 8 <= digits <= 15


PHONE = Detector(
    "PHONE",
    anchor="|".join(_SHAPES.values()),
    pattern=re.compile(
        rf"(?<![\w.#/=&@-])(?<![0-9][ (:+])(?:{'|'.join(f'(?P<{name}>{shape})' for name, shape in _SHAPES.items())})"
        rf"{_EXTENSION}{_AFTER}"
    ),
    accept=_is_phone,
    reach=20,
)
"""International numbers, and national ones whose grouping gives them away."""

ANNOUNCED_PHONE = Detector(
    "PHONE",
    anchor=rf"(?i-u:{_ANNOUNCED.replace('(?:', '(?u:', 1)})[^\n0-9/=_#]*[0-9](?:[ ()./-]{{0,3}}[0-9]){{6,}}",
    pattern=re.compile(
        rf"(?<![A-Za-z]){_ANNOUNCED}s?(?![A-Za-z])[^\n0-9/=_#]{{0,24}}(?<![0-9A-Za-z_])"
        rf"(?P<number>\(?[0-9]{{1,12}}\)?(?:[ ./-]{{0,2}}\(?[0-9]{{1,12}}\)?){{0,7}}{_EXTENSION}){_AFTER}",
        re.IGNORECASE,
    ),
    accept=lambda match: 7 <= _digits(match["number"]) <= 15 and not _DATE.search(match["number"]),
    reach=40,
    at_start=True,
    narrow=True,
)
"""Any other grouping of 7 to 15 digits counts where a word before it says that it is a number to call."""
