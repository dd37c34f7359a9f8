"""Questions as people ask them, made from one sentence without a model: by its verb and numbers, or by its topic."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_AUXILIARY = "is|are|was|were|must|should|may|can|will|has|have|had|cannot"
_CLAUSE = re.compile(
    r"^(?!(?:If|When|While|As|After|Before|Once|In|For|To|At|On|By|With) )"
    rf"(?P<subject>(?:[\w’'/-]+ ){{1,6}}?)(?P<aux>{_AUXILIARY}) (?P<rest>.+)$"
)
_AMOUNT = re.compile(
    r"(?P<lead>\b(?:for|within|after|before|in|at|by|of|than|to|over|under|up to|at least|at most) )?"
    r"(?P<number>\$?\d[\d.,]*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty) "
    r"(?:working |business |calendar )?"
    r"(?P<unit>days?|hours?|minutes?|seconds?|weeks?|months?|years?|percent|euros?|dollars?|people|servers|users|times)\b"
)
_REASON = re.compile(r",? (?:because|so that|in order to|to avoid|to prevent|since) ")
_TIME = re.compile(r",? (?:when|before|after|until|every|on|within) ")

_TOPIC: dict[str, tuple[str, ...]] = {
    "en": (
        "What do we know about {p}?",
        "Where do {p} and {q} come in?",
        "How does {p} relate to {q}?",
        "What does {title} say about {p}?",
        "In {title}, what about {p}?",
        "What should I know about {p} when it comes to {q}?",
        "Is there anything on {p} in {title}?",
        "Can you tell me about {p}?",
        "What happens with {p}?",
        "How do we handle {p}?",
        "What is said about {q} and {p}?",
        "How does {p} work?",
        "I have a question on {title}: what about {q}?",
        "what's the deal with {p}",
        "{p}, {q}?",
    ),
    "de": ("Was gilt für {p}?", "Was steht über {p} in {title}?", "Wie ist das mit {p} und {q}?", "Was ist mit {p}?"),
    "fr": ("Que faut-il savoir sur {p} ?", "Que dit {title} sur {p} ?", "Quel est le lien entre {p} et {q} ?"),
    "es": ("¿Qué se sabe de {p}?", "¿Qué dice {title} sobre {p}?", "¿Qué pasa con {p} y {q}?"),
    "ja": ("{p}について教えてください。", "{p}と{q}はどうなっていますか。"),
    "zh": ("关于{p}有什么规定？", "{p}和{q}是什么关系？"),
    "ko": ("{p}에 대해 알려 주세요.", "{p} 관련 내용은 무엇인가요?"),
}
_ANY_LANGUAGE = ("{p}, {q}?", "{title}: {p}?", "{p}?")


def question(sentence: str, phrases: Sequence[str], *, title: str, language: str, draw: random.Random) -> str:
    """One question that ``sentence`` answers.

    Args:
        sentence: the answer, verbatim.
        phrases: its most telling phrases, best first; at least one.
        title: of the document, "" when it has none.
        language: ISO 639; clauses are turned round only in English, elsewhere the topic is asked for.
        draw: decides; the same state gives the same question.
    """
    p, q = phrases[0], phrases[-1]
    plain = re.sub(r"[*_`]", "", sentence).rstrip(" .!;:")
    made = [form(plain, draw) for form in _FORMS] if language in {"en", "und", ""} else []
    direct = [text for text in made if text]
    if direct and draw.random() < 0.7:
        return _as_typed(_about(draw.choice(direct), p, draw), draw)
    fitting = [
        template
        for template in _TOPIC.get(language, _TOPIC["en"] if language in {"und", ""} else _ANY_LANGUAGE)
        if (title or "{title}" not in template) and (len(phrases) > 1 or "{q}" not in template)
    ]
    return _as_typed(draw.choice(fitting or _ANY_LANGUAGE[-1:]).format(p=p, q=q, title=title), draw)


def _amount(sentence: str, _: random.Random) -> str:
    """Backups are kept for 35 days in Frankfurt: How many days are backups kept in Frankfurt?"""
    clause, amount = _CLAUSE.match(sentence), _AMOUNT.search(sentence)
    if not clause or not amount or amount.start() < clause.start("rest"):
        return ""
    rest = (sentence[clause.start("rest") : amount.start()] + sentence[amount.end() :]).strip(" ,")
    unit = (
        amount["unit"]
        if amount["unit"].endswith("s") or amount["unit"] in {"percent", "people"}
        else amount["unit"] + "s"
    )
    return _short(f"How many {unit} {_ask(clause)} {rest}?")


def _why(sentence: str, _: random.Random) -> str:
    """X is closed because Y: Why is X closed?"""
    clause, reason = _CLAUSE.match(sentence), _REASON.search(sentence)
    if not clause or not reason or reason.start() <= clause.start("rest"):
        return ""
    return _short(f"Why {_ask(clause)} {sentence[clause.start('rest') : reason.start()]}?")


def _when(sentence: str, _: random.Random) -> str:
    """X is sent before Y: When is X sent?"""
    clause, time = _CLAUSE.match(sentence), _TIME.search(sentence)
    if not clause or not time or time.start() <= clause.start("rest") + 3:
        return ""
    return _short(f"When {_ask(clause)} {sentence[clause.start('rest') : time.start()]}?")


def _what(sentence: str, draw: random.Random) -> str:
    """Ask for what follows the verb: is it a thing, a rule or a possibility?"""
    clause = _CLAUSE.match(sentence)
    if not clause or clause["subject"].strip().lower() in {"you", "we", "i"}:
        return ""
    subject, aux = _subject(clause), clause["aux"]
    if aux in {"must", "should", "may", "can", "cannot", "will"}:
        if clause["rest"].startswith("be "):
            return draw.choice((f"How {aux} {subject} be handled?", f"What is the rule for {subject}?"))
        return draw.choice((f"What {aux} {subject} do?", f"Is there a rule for what {subject} {aux} do?"))
    if aux in {"is", "are", "was", "were"}:
        return draw.choice(
            (f"What {aux} {subject}?", f"What do we know about {subject}?", f"How {aux} {subject} set up?")
        )
    return f"What {aux} {subject}?" if aux != "had" else f"What happened with {subject}?"


def _condition(sentence: str, _: random.Random) -> str:
    """If X, do Y: What if X?"""
    found = re.match(r"^(If|When|Before|After|Unless) ([^,]{8,80}), ", sentence)
    if not found:
        return ""
    word = found[1].lower()
    return f"What do we do {word} {found[2]}?" if word != "unless" else f"What if not {found[2]}?"


_FORMS: tuple[Callable[[str, random.Random], str], ...] = (_amount, _why, _when, _condition, _what)


def _ask(clause: re.Match[str]) -> str:
    return f"{clause['aux']} {_subject(clause)}"


def _subject(clause: re.Match[str]) -> str:
    """The subject inside a question: a capital that only opened the sentence goes."""
    first, _, rest = clause["subject"].strip().partition(" ")
    opens_only = first[1:].islower() or len(first) == 1
    return f"{first.lower() if opens_only and not rest[:1].isupper() else first} {rest}".strip()


def _about(text: str, phrase: str, draw: random.Random) -> str:
    """A question without the sentence's own topic fits many texts: name it."""
    known = text.lower()
    if any(word.lower() in known for word in phrase.split()):
        return text
    return f"{text.rstrip('?')} {draw.choice(('when it comes to', 'regarding', 'with', 'about'))} {phrase}?"


def _short(text: str) -> str:
    """A question of more than twenty words is no longer one that somebody types."""
    words = text.split()
    return " ".join(words) if len(words) <= 20 else ""


def _as_typed(text: str, draw: random.Random) -> str:
    """One in eight is typed in haste: no capital, no question mark."""
    return text.rstrip("?").lower() if draw.random() < 0.125 else text
