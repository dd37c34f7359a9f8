"""Does the lake hold what `expected.json` says of the samples? Each line that does not hold is named."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.core.outcomes import DUPLICATE, KEPT, current, frame
from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS, CLUSTERS, DOCUMENTS, RAW_RECORDS
from resources.contracts import Lake, TableSpec

PATH = (RAW_RECORDS, DOCUMENTS, CLEAN_DOCUMENTS, CLUSTERS)


def load_expectations(path: Path) -> dict[str, Any]:
    """The file's content. Raises WrongInput where it is no expectation."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"inputs": dict(found["inputs"]), "groups": list(found.get("groups", []))}
    except (OSError, ValueError, KeyError, TypeError):
        raise WrongInput(
            "The expectations cannot be used",
            subject=str(path),
            fix="samples/README.md shows the form of expected.json.",
        ) from None


def differences(lake: Lake, source: str, expected: Mapping[str, Any]) -> list[str]:
    """What does not hold, one line each, by native id; empty when everything does."""
    stages = {spec.name: _rows(lake, spec, source) for spec in PATH}
    grouped = {member for group in expected["groups"] for member in group["members"]}
    found = [*_inputs(stages, expected["inputs"], grouped), *_groups(stages["clusters"], expected["groups"])]
    unknown = sorted(set(stages["raw_records"]) - set(expected["inputs"]))
    return [*found, *(f"{name}: came in, but nothing is expected of it" for name in unknown)]


def _rows(lake: Lake, spec: TableSpec, source: str) -> dict[str, dict[str, Any]]:
    """The standing row of each document of the source, by its native id before redaction."""
    names = dict(frame(lake.snapshot(RAW_RECORDS).read(["doc_id", "native_id"])).unique("doc_id").iter_rows())
    rows = current(lake.snapshot(spec), spec.schema.names).filter(pl.col("source") == source)
    return {names[row["doc_id"]]: row for row in rows.iter_rows(named=True)}


def _inputs(
    stages: Mapping[str, Mapping[str, Any]], inputs: Mapping[str, Mapping[str, Any]], grouped: set[str]
) -> Iterator[str]:
    for name, wanted in inputs.items():
        if name not in stages["raw_records"]:
            yield f"{name}: expected, but it never came in"
            continue
        stage, row = _end(stages, name)
        outcome = KEPT if name in grouped and row["outcome"] == DUPLICATE else row["outcome"]
        if outcome != wanted["outcome"]:
            yield f"{name}: {outcome} ({row['reason']}) at {stage}, expected {wanted['outcome']}"
            continue
        for field, value in (("stage", stage), ("reason", row["reason"])):
            if field in wanted and wanted[field] != value:
                yield f"{name}: {field} {value}, expected {wanted[field]}"
        clean = stages["clean_documents"].get(name)
        if clean is not None and clean["outcome"] == KEPT:
            yield from _text(name, clean, wanted)


def _end(stages: Mapping[str, Mapping[str, Any]], name: str) -> tuple[str, Mapping[str, Any]]:
    """The last stage that the document reached, and its row there."""
    reached = [(stage, rows[name]) for stage, rows in stages.items() if name in rows]
    return next(((stage, row) for stage, row in reached if row["outcome"] != KEPT), reached[-1])


def _text(name: str, clean: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[str]:
    """Text that must stand, text that must not, counts of redactions, language. A planted value is never repeated."""
    whole = " ".join(f"{clean['title']}\n{clean['native_id']}\n{clean['text']}".split())
    yield from (
        f"{name}: does not contain {text!r}"
        for text in wanted.get("contains", [])
        if " ".join(text.split()) not in whole
    )
    left = sum(" ".join(text.split()) in whole for text in wanted.get("lacks", []))
    if left:
        yield f"{name}: {left} planted values are left"
    counts = {item["kind"]: item["count"] for item in clean["redactions"] or []}
    for kind, count in wanted.get("redactions", {}).items():
        if counts.get(kind, 0) != count:
            yield f"{name}: {counts.get(kind, 0)} redactions of kind {kind}, expected {count}"
    if "language" in wanted and clean["language"] != wanted["language"]:
        yield f"{name}: language {clean['language']}, expected {wanted['language']}"


def _groups(clusters: Mapping[str, Mapping[str, Any]], groups: list[Mapping[str, Any]]) -> Iterator[str]:
    """Of each group exactly one member is kept, and the others are duplicates of it."""
    for group in groups:
        rows = {name: clusters[name] for name in group["members"] if name in clusters}
        kept = [row["doc_id"] for row in rows.values() if row["outcome"] == KEPT]
        same = {row["matched_doc_id"] for row in rows.values() if row["outcome"] == DUPLICATE}
        kinds = {row["reason"] for row in rows.values() if row["outcome"] == DUPLICATE}
        if len(rows) != len(group["members"]) or len(kept) != 1 or same != set(kept):
            yield f"{', '.join(group['members'])}: expected one kept and the others its duplicates"
        elif group.get("kind") and kinds != {group["kind"]}:
            yield f"{', '.join(group['members'])}: duplicates by {', '.join(sorted(kinds))}, expected {group['kind']}"
