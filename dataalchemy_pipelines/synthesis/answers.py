"""Which sentences of a chunk are worth learning to quote, and the phrases that say what each is about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dataalchemy_pipelines.synthesis.rarity import Pool, is_cjk, words_of
from dataalchemy_pipelines.synthesis.sentences import sentences

_REFERS_BACK = re.compile(
    r"^[*_]*(?:this|that|these|those|it|its|he|she|they|their|them|his|her|such|here|there|however|also|then|so|and|but|"
    r"or|thanks?|hi|hello|dear|please|see|note|regards|yes|no|indeed|dies|diese[rs]?|ce|cette|cela|il|elle|et|mais)\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(r"^(?:when|if|while|as|after|before|once|because|unless|which|who|where) [^,]+$", re.IGNORECASE)
_UNFIT = re.compile(r"https?://|www\.|\]\(|!\[|\[[A-Z_]{2,}\]|[\"“”„«»|{}<>\\]|[?？…:,]$")
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|must|should|shall|may|can|cannot|will|would|need|needs|"
    r"use|uses|get|gets|make|makes|run|runs|go|goes|ist|sind|wird|werden|hat|muss|kann|est|sont|doit|peut|"
    r"\w{2,}(?:ed|es)|(?<=\w\s)[a-z]{3,}s)\b"
)


def informative(text: str, pool: Pool, *, min_words: int, max_words: int) -> list[str]:
    """Sentences of ``text`` worth learning, best first: statements that stand alone and whose words set them apart.

    Left out: what is too short or long, refers back ("This is ..."), asks, greets, holds a link, a placeholder or a
    quote mark (it could not be quoted), has no verb, or no two words that are rare in the pool.
    """
    found = []
    for sentence in dict.fromkeys(sentences(text)):
        present = words_of(sentence)
        fits = min_words <= len(present) <= max_words
        if fits and _is_statement(sentence) and len({word for word in present if pool.rare(word)}) >= 2:
            found.append((-_information(present, pool), sentence))
    return [sentence for _, sentence in sorted(found)]


def _is_statement(sentence: str) -> bool:
    if _UNFIT.search(sentence) or _REFERS_BACK.match(sentence) or _DANGLING.match(sentence):
        return False
    return is_cjk(sentence) or _VERB.search(sentence) is not None


def _information(present: Sequence[str], pool: Pool) -> float:
    """Mean rarity of the words, and half a nat more for a number, which is what people ask for."""
    distinct = sorted(set(present))
    numbered = any(word[0].isdigit() for word in distinct)
    return sum(pool.weight(word) for word in distinct) / len(distinct) + 0.5 * numbered


_STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below between both but by
can cannot could did do does doing down during each every few for from further had has have having he her here his
how i if in into is it its just may me might more most must my new no nor not now of off on once one only or other
our out over own same shall she should so some such than that the their them then there these they this those
through to too two under until up use used uses using very was we were what when where which while who why will
with within without would you your et la le les des du un une und der die das den dem ein eine mit von zu ist
like much every something get gets make makes made take takes see go goes based determines allows
"""
_STOP = frozenset(_STOP_WORDS.split())
_RUN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{2,}|[\w'’/.-]*\w|[^\w\s'’*_`]")
_VERBAL_TAIL = re.compile(r"\w{2,}(?:ing|ed|ly)$")


def phrases(sentence: str, pool: Pool) -> list[str]:
    """The two most telling runs of content words, best first (the idea of RAKE: Rose and others, 2010)."""
    runs: list[list[str]] = [[]]
    for token in _RUN.findall(sentence):
        if token.lower() in _STOP or not token[-1].isalnum() or len(runs[-1]) == 3:
            runs.append([])
        if token.lower() not in _STOP and token[-1].isalnum():
            runs[-1].append(token)
    for run in runs:
        while len(run) > 1 and _VERBAL_TAIL.search(run[-1]):
            run.pop()
    scored = {" ".join(run): sum(pool.weight(word) for token in run for word in words_of(token)) for run in runs if run}
    return sorted(scored, key=lambda phrase: (-scored[phrase], phrase))[:2] or [sentence]
