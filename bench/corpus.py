"""Documents as a company has them, made from a seed: tickets, pages, logs and tables, with values that must go."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataalchemy_pipelines.core.records import DOCUMENTS, doc_id_of
from dataalchemy_pipelines.transforms.lexicon import FUNCTION_WORDS

FILE_TEXT_BYTES = 8 * 1024 * 1024
_NOUNS = (
    "invoice",
    "order",
    "customer",
    "service",
    "broker",
    "queue",
    "deployment",
    "certificate",
    "endpoint",
    "cluster",
)
_VERBS = ("fails", "restarts", "returns", "stores", "rejects", "updates", "loads", "misses", "delays", "retries")
_VALUES = (
    lambda pick: f"{pick.choice(_NOUNS)}.{pick.choice(_NOUNS)}@example.com",
    lambda pick: f"+49 30 {pick.randrange(1_000_000, 9_999_999)}",
    lambda pick: f"10.{pick.randrange(256)}.{pick.randrange(256)}.{pick.randrange(1, 255)}",
    lambda pick: f'password = "{pick.randbytes(9).hex()}!"',
    lambda pick: "4111 1111 1111 1111",
    lambda pick: "DE89 3704 0044 0532 0130 00",
    lambda pick: f"ghp_{''.join(pick.choices('abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789', k=36))}",
    lambda pick: f"version {pick.randrange(9)}.{pick.randrange(20)}.{pick.randrange(9)}.{pick.randrange(9)}",
)


def write_corpus(folder: Path, megabytes: float, *, seed: int = 7) -> list[Path]:
    """Parquet files of the table ``documents`` with so many megabytes of text in all, about 8 MB a file."""
    folder.mkdir(parents=True)
    pick, files, made = random.Random(seed), list[Path](), 0
    while made < megabytes * 1024 * 1024:
        rows, size = list[dict[str, object]](), 0
        while size < FILE_TEXT_BYTES and made + size < megabytes * 1024 * 1024:
            rows.append(_document(pick, f"{len(files)}/{len(rows)}.md"))
            size += len(str(rows[-1]["text"]).encode())
        made += size
        files.append(folder / f"part-{len(files):04d}.parquet")
        pq.write_table(pa.Table.from_pylist(rows, schema=DOCUMENTS.schema), files[-1], compression="zstd")
    return files


def _document(pick: random.Random, native_id: str) -> dict[str, object]:
    text = "\n\n".join(_paragraphs(pick))
    return {
        "doc_id": doc_id_of("bench", native_id),
        "source": "bench",
        "native_id": native_id,
        "version": 1,
        "kind": pick.choice(("file", "jira_issue", "confluence_page")),
        "media_type": "text/markdown",
        "title": _sentence(pick, FUNCTION_WORDS["en"].split(), 6),
        "text": text,
        "authors": ["Ada Lovelace"],
        "links": [],
        "access": ["public"],
        "outcome": "kept",
        "reason": "",
    }


def _paragraphs(pick: random.Random) -> Iterator[str]:
    """One to sixty paragraphs; one document in five is German, one in twenty says next to nothing."""
    words = FUNCTION_WORDS["de" if pick.random() < 0.2 else "en"].split()
    if pick.random() < 0.05:
        yield pick.choice(("ok", "+1", "----", "see above"))
        return
    for _ in range(min(60, 1 + int(pick.expovariate(0.12)))):
        kind = pick.random()
        if kind < 0.70:
            yield " ".join(_sentence(pick, words, pick.randrange(6, 22)) for _ in range(pick.randrange(2, 6)))
        elif kind < 0.80:
            yield "\n".join(f"| {pick.choice(_NOUNS)} | {pick.randrange(10_000)} | yes |" for _ in range(8))
        elif kind < 0.90:
            yield "\n".join(
                f"2026-03-{pick.randrange(1, 29):02d}T10:15:{i:02d}Z INFO {pick.choice(_NOUNS)}  \t" for i in range(8)
            )
        else:
            yield f"“Größe” – naïve café\u00a0{pick.choice(_NOUNS)}" + 5 * "\r\n" + f"{_sentence(pick, words, 8)}\u200b"


def _sentence(pick: random.Random, words: list[str], length: int) -> str:
    parts = pick.choices(words, k=length)
    parts[length // 2] = f"{pick.choice(_NOUNS)} {pick.choice(_VERBS)}"
    if pick.random() < 0.06:
        parts.append(pick.choice(_VALUES)(pick))
    return " ".join(parts).capitalize() + "."
