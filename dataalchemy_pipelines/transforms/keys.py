"""What a secret looks like: tokens known by their prefix, private keys, passwords in addresses and assignments."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from dataalchemy_pipelines.transforms.detectors import Detector


def _always(match: re.Match[str]) -> bool:
    return True


_PEM = r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
PRIVATE_KEY = Detector(
    "KEY",
    # Up to the END line of the paragraph that holds it, or, where the block was cut, to the end of what looks like one.
    anchor=_PEM + r"[^\n]*(?:\n[^\n]+)*(?:\n+[A-Za-z0-9+/=]{16,}[^\n]*(?:\n[^\n]+)*)*",
    pattern=re.compile(_PEM + r"[^-]*(?:-(?!----)[^-]*)*(?:-----END [A-Z0-9 ]{0,40}KEY(?: BLOCK)?-----)?"),
    accept=_always,
    reach=0,
)

_TOKENS = "|".join(
    (
        r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",  # AWS
        r"gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,244}",
        r"gl(?:(?:pat|dt|ft|soat|rt|cbt)-[A-Za-z0-9_-]{20,50}|imt-[A-Za-z0-9_-]{25}|ptt-[A-Za-z0-9_-]{40}"  # GitLab
        r"|agent-[A-Za-z0-9_-]{50,1024}|oas-[A-Za-z0-9_-]{64})|GR1348941[A-Za-z0-9_-]{20,50}",
        r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-[A-Za-z0-9-]{10,250}",  # Slack
        r"AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,250}|GOCSPX-[A-Za-z0-9_-]{20,40}",  # Google
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{10,250}|whsec_[A-Za-z0-9+/=]{20,100}",  # Stripe
        r"sk-(?:[a-z]{2,10}[0-9]{0,2}-)?[A-Za-z0-9_-]{20,250}",  # OpenAI, Anthropic
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",  # SendGrid
        r"npm_[A-Za-z0-9]{36}|pypi-AgE[A-Za-z0-9_-]{50,250}",
        r"(?:AKC|AP[0-9])[A-Za-z0-9]{10,100}|sq0(?:csp|atp)-[A-Za-z0-9_\\-]{20,50}|hf_[A-Za-z0-9]{30,40}",
        r"eyJ[A-Za-z0-9_-]{10,1000}\.eyJ[A-Za-z0-9_-]{4,4000}(?:\.[A-Za-z0-9_-]{0,1000})?",  # JWT
    )
)
_TOKEN_HEADS = (
    r"AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9]|gh[pousr]_|github_pat_|gl(?:pat|dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941"
    r"|xox[abeoprs]-|xapp-|AIza|ya29\.|GOCSPX-|[rs]k_(?:live|test)_|whsec_|sk-[A-Za-z0-9]|SG\.[A-Za-z0-9]"
    r"|npm_[A-Za-z0-9]|pypi-AgE|AKC[A-Za-z0-9]|AP[0-9][A-Za-z0-9]|sq0csp-|sq0atp-|hf_[A-Za-z0-9]|eyJ[A-Za-z0-9_-]"
)
_SHAPES = (
    r"(?:SK|AC)[a-z0-9]{32}",  # Twilio
    r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",  # Discord
    r"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}",  # Telegram
    r"[0-9a-f]{32}-us[0-9]{1,2}",  # Mailchimp
)


def _tokens(anchor: str, shape: str, reach: int) -> Detector:
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])(?:{shape})(?![A-Za-z0-9_-])")
    return Detector("KEY", anchor=anchor, pattern=pattern, accept=_always, reach=reach, at_start=True)


TOKENS = (_tokens(_TOKEN_HEADS, _TOKENS, 6100), *(_tokens(shape, shape, 1) for shape in _SHAPES))
"""Tokens by prefix, found together by their literal heads; and by shape, each alone, which is four times faster."""

URL_SECRET = Detector(
    "KEY",
    anchor=r"://[^\s/@:]{0,64}:[^\s/@\x22';]{1,128}@|hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/",
    pattern=re.compile(
        r"://(?P<login>[^\s/@:]{0,64}:[^\s/@<>%${\"';]{1,128})@"
        r"|(?:hooks\.slack\.com/services/|discord(?:app)?\.com/api/webhooks/)(?P<hook>[A-Za-z0-9/_-]{20,200})"
    ),
    accept=lambda match: "[KEY]" not in match[0],
    reach=210,
    at_start=True,
    narrow=True,
)

HEADER_SECRET = Detector(
    "KEY",
    anchor=r"(?i-u:bearer|basic)[ ]+[A-Za-z0-9+/_.=~-]{16}",
    pattern=re.compile(r"(?<![A-Za-z])(?:bearer|basic)[ ]+(?P<value>[A-Za-z0-9+/_.=~-]{16,4096})", re.IGNORECASE),
    accept=lambda match: bool(re.search(r"[0-9]", match["value"]) and re.search(r"[A-Za-z]", match["value"])),
    reach=4096,
    at_start=True,
    narrow=True,
)
_PASSWORD = (
    "passw(?:or)?d|passwort|passphrase|passwd|pwd|passcode|kennwort|wachtwoord|senha|contrase\u00f1a"
    "|\u043f\u0430\u0440\u043e\u043b\u044c|\u5bc6\u7801|\u5bc6\u78bc|\u30d1\u30b9\u30ef\u30fc\u30c9|\ube44\ubc00\ubc88\ud638"
)
"""The last five are Russian, Chinese (simplified and traditional), Japanese and Korean."""
_KEY_KINDS = r"api|access|private|auth|account|encryption|signing|client|shared|master|iam"
_SECRET = rf"pass|secret|token|credentials?|pw|(?:{_KEY_KINDS})[_. -]?key"
_OPERATOR = r"(?::{0,2}=|={2,3}|!={1,2}|=>|:|\((?=[\"'`]))"
_ASSIGNMENT = re.compile(
    rf"(?P<name>(?:(?P<password>{_PASSWORD})|(?P<secret>{_SECRET})|(?P<any>(?:key|auth)(?![A-Za-z])))"
    rf"[\w.-]{{0,24}}(?:\[[0-9]{{0,6}}\])?)[\"'`\]]{{0,2}}"
    rf"(?:[ \t]{{0,3}}{_OPERATOR}[ \t]{{0,3}}@?|[ \t]{{1,3}}(?=[\"'`])|(?<=[\w-])[ \t](?=[a-f0-9]{{32}}))"
    r"(?:\"(?P<double>[^\"\n]{1,2048})\"|'(?P<single>[^'\n]{1,2048})'|`(?P<back>[^`\n]{1,2048})`"
    r"|(?P<bare>(?![=:])[^\s\"'`,;<>()]{1,2048}))",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\[[A-Z]+\]|<|\$|%|\{[{%]|\*{2}|\.{3}|x{3,}"
    r"|(?:your|insert|enter|my|some|a)?[-_ ]?(?:fake|real|example|sample|dummy|placeholder|change[-_]?me|redacted"
    r"|hidden|removed|insert|not[-_a]|your|null|none|true|false|undefined|todo)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"[A-Za-z_$][\w$]{0,63}(?:[(\[]|\.[A-Za-z_]|->|::)|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|/|https?:", re.ASCII
)


def entropy_bits(value: str) -> float:
    """Shannon entropy of the characters, in bits a character; 4 to 6 for random base64, under 4 for words and hex."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _is_assigned_secret(match: re.Match[str]) -> bool:
    """A quoted password is masked as it stands; a value without quotes, or under a vaguer name, must look like one."""
    quoted = match["double"] or match["single"] or match["back"]
    value = (quoted or match["bare"]).strip()
    if len(value) < 4 or _PLACEHOLDER.match(value) or not re.search(r"[^\W_]", value):
        return False
    letters, digits = bool(re.search(r"[A-Za-z]", value)), bool(re.search(r"[0-9]", value))
    if match["any"]:
        return (
            not _CODE.match(value)
            and len(value) >= 20
            and letters
            and digits
            and " " not in value
            and entropy_bits(value[:256]) >= 2.9
        )
    odd = bool(re.search(r"[^\w\s.:/-]", value))
    strong = len(value) >= 6 and ((letters and digits) or (odd and len(set(value)) >= 5))
    if quoted is not None:
        plain_name = bool(re.fullmatch(_PASSWORD, match["name"], re.IGNORECASE))
        return plain_name if " " in value else bool(match["password"]) or strong
    if _CODE.match(value):
        return False
    return strong or (bool(match["password"]) and digits and len(value) >= 6)


ASSIGNMENT = Detector(
    "KEY",
    anchor=(
        rf"(?i-u:(?:{_PASSWORD}|{_SECRET}|key|auth)[0-9A-Za-z_.-]{{0,24}}(?:\[[0-9]{{0,6}}\])?[\x22'`\]]{{0,2}}"
        rf"[ \t]{{0,3}}(?:[:=(]|!=|[\x22'`]|[a-f0-9]{{16}}))"
    ),
    pattern=_ASSIGNMENT,
    accept=_is_assigned_secret,
    reach=2200,
    at_start=True,
    narrow=True,
)

_NAMED_KEY = rf"secret|token|credentials?|(?:{_KEY_KINDS})[_. -]?key"
NAMED_VALUE = Detector(
    "KEY",
    anchor=(
        rf"(?i-u:(?:{_PASSWORD}|{_NAMED_KEY})[0-9A-Za-z_.-]{{0,24}}[\x22'`*]{{0,2}}"
        r"(?:[ \t]{0,24}\||>|:\*\*|[ ](?:is|ist|lautet)[ :]))"
    ),
    pattern=re.compile(
        rf"(?:(?P<password>{_PASSWORD})|{_NAMED_KEY})[\w.-]{{0,24}}[\"'`*]{{0,2}}"
        r"(?:[ \t]{0,24}\|[ \t`*]{0,24}|>|:\*\*[ \t]{0,3}`?|[ ](?P<told>is|ist|lautet):?[ ][`\"'*]{0,2})"
        r"(?P<value>[^\s|<>`\"]{6,128})",
        re.IGNORECASE,
    ),
    accept=lambda match: _is_named_secret(match),
    reach=180,
    at_start=True,
    narrow=True,
)
"""A neighbouring cell of a table, an XML element, a bold name in Markdown, a sentence."""


def _is_named_secret(match: re.Match[str]) -> bool:
    """Letters and digits mixed; in a sentence, which may speak of what a password is, also small and capital ones."""
    value = match["value"]
    if _PLACEHOLDER.match(value) or _CODE.match(value) or not re.search(r"[0-9]", value):
        return False
    small, capital = re.search(r"[a-z]", value), re.search(r"[A-Z]", value)
    if match["told"]:
        return bool(match["password"] and small and capital and len(value) >= 8)
    return bool(small or capital) and len(value) >= (6 if match["password"] else 8)


class _Columns(Detector):
    """The values below a heading, where the anchor is a whole pipe table."""

    def matches(self, text: str, start: int, end: int) -> Iterator[re.Match[str]]:
        """One match a cell that holds a single word in a column whose heading ``pattern`` takes whole."""
        columns: list[int] = []
        for line, row in enumerate(_ROW.finditer(text, start, end)):
            cells = list(_CELL.finditer(text, row.start() + 1, row.end()))
            if line == 0:
                columns = [n for n, cell in enumerate(cells) if self.pattern.fullmatch(cell[0].strip(" \t*`"))]
            words = (_WORD_IN_CELL.fullmatch(text, *cells[n].span()) for n in columns if line and n < len(cells))
            yield from (word for word in words if word and self.accept(word))


_ROW = re.compile(r"\|[^\n]*")
_CELL = re.compile(r"(?:[^|\\\n]|\\.)+|(?<=\|)(?=\|)")
_WORD_IN_CELL = re.compile(r"[ \t`*]*(?P<value>[^\s`]{6,128}?)[ \t`*]*")
PASSWORD_COLUMN = _Columns(
    "KEY",
    anchor=rf"\|[^\n]*(?i-u:{_PASSWORD})[^\n]*\n\|[ :|-]*-{{3}}[ :|-]*(?:\n\|[^\n]*)+",
    pattern=re.compile(rf"(?:[\w.]{{1,24}}[ _-]){{0,2}}(?:{_PASSWORD})(?:s|er|en)?", re.IGNORECASE),
    accept=lambda match: (
        bool(re.search(r"[0-9]", match["value"]) and re.search(r"[A-Za-z]", match["value"]))
        and not _PLACEHOLDER.match(match["value"])
    ),
    reach=0,
    narrow=True,
)

LOGIN_OPTION = Detector(
    "KEY",
    anchor=r"(?:-u|--user|--proxy-user)[ =][\x22']?[\w.@-]{1,64}:[^\s\x22':]{6}",
    pattern=re.compile(r"(?:-u|--user|--proxy-user)[ =][\"']?[\w.@-]{1,64}:(?P<value>[^\s\"':]{6,128})"),
    accept=lambda match: (
        bool(re.search(r"[^\W\d_]", match["value"]) and re.search(r"[\W\d]", match["value"]))
        and not _PLACEHOLDER.match(match["value"])
    ),
    reach=128,
    at_start=True,
    narrow=True,
)
"""``curl -u name:password``; the two numbers of ``docker run -u 1000:1000`` are no secret."""

COMPARISON = Detector(
    "KEY",
    anchor=rf"[\x22'`][^\x22'`\n]+[\x22'`]\)?[ ]{{0,2}}[!=]==?[ ]{{0,2}}[\w.]{{0,40}}(?i-u:{_PASSWORD}|{_SECRET})",
    pattern=re.compile(r"[\"'`](?P<literal>[^\"'`\n]{4,2048})[\"'`]"),
    accept=lambda match: not _PLACEHOLDER.match(match["literal"]),
    at_start=True,
    narrow=True,
)

_HIGH_ENTROPY_BITS = 4.3
_IN_A_QUERY = re.compile(r"[?&][\w.-]{0,40}$")
"""Ids of shared files stand in links; a key in a link is found by its name."""
_NAME_AND_OPERATOR = r"[0-9A-Za-z_][\x22'`\]]?[ ]{0,2}(?::|=>?)[ ]{0,2}[\x22'`]?"
RANDOM_VALUE = Detector(
    "KEY",
    anchor=_NAME_AND_OPERATOR + r"[0-9A-Za-z+/_-]{32}",
    pattern=re.compile(_NAME_AND_OPERATOR + r"(?P<random>[0-9A-Za-z+/_-]{32,512}={0,2})(?![0-9A-Za-z+/_.-])"),
    accept=lambda match: (
        _looks_random(match["random"])
        and not _IN_A_QUERY.search(match.string, max(0, match.start() - 40), match.start() + 1)
    ),
    reach=520,
    at_start=True,
    narrow=True,
)


def _looks_random(value: str) -> bool:
    """Digits, small and capital letters well mixed: a path, an identifier or a hexadecimal digest does not pass."""
    kinds = (r"[0-9]", r"[a-z]", r"[A-Z]")
    mixed = all(len(re.findall(kind, value)) >= 3 for kind in kinds)
    return (
        mixed
        and not value.startswith("/")
        and value.count("/") <= 3
        and entropy_bits(value[:256]) >= _HIGH_ENTROPY_BITS
    )
