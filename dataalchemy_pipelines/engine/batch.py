"""A stage: what is new, changed or stale in one table goes through a pure step into the next, in parallel parts.

A worker reads the Parquet files of its part itself, runs the step and writes one file; the driver sees names and counts
and commits them at once. Both engines run the same worker, so both give the same rows.
"""

from __future__ import annotations

import importlib
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
import pyarrow as pa

from dataalchemy_pipelines.core.outcomes import GONE, KEPT, WITHDRAWN, current, frame, input_digests, row_digests
from dataalchemy_pipelines.core.records import TABLES
from resources.contracts import BatchEngine, Change, Lake, Progress, Snapshot, TableFile, TableSpec
from resources.errors import Conflict

PART_BYTES = 8 * 2**20
PART_DOCUMENTS = 2_000
ATTEMPTS = 5


@dataclass(frozen=True)
class Stage:
    """One arrow of the path: documents kept in ``source`` go through ``step`` and become rows of ``target``.

    ``step`` is ``module:function``, called as ``function(lake, frame, settings)`` with the rows that came in, and
    gives at least one row for each document, without the columns that this module fills. ``settings`` is JSON, and
    ``recipe_version`` changes whenever the same document would come out differently. Where there is a ``gate``, only
    documents that it kept are let in.
    """

    source: TableSpec
    target: TableSpec
    step: str
    recipe_version: str
    settings: str = "{}"
    gate: TableSpec | None = None


@dataclass(frozen=True)
class Plan:
    """What a stage has to do: parts with the documents in them, and the documents that are gone."""

    parts: list[str]
    documents: int
    replaces: frozenset[str]
    gone: list[str]


def run_stage(stage: Stage, *, lake: Lake, engine: BatchEngine, progress: Progress) -> int:
    """Bring ``target`` up to date with ``source``; return how many documents were worked on.

    A run that lost a race reads again and does what is left. Raises Conflict after five such races.
    """
    for attempt in range(ATTEMPTS):
        base = lake.snapshot(stage.target)
        plan = _plan(stage, lake, base)
        if not plan.parts and not plan.gone:
            progress.step(stage.target.name, 0, 0, note="nothing new")
            return 0
        files = _work(stage, plan, lake=lake, engine=engine, progress=progress)
        change = Change(rows=_withdrawn(base, plan.gone), files=files, replaces=plan.replaces | frozenset(plan.gone))
        try:
            lake.commit(base, change)
        except Conflict:
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
            continue
        return plan.documents
    raise Conflict(
        "Other runs kept changing the table", subject=stage.target.name, fix="Run it again when they are done."
    )


def _plan(stage: Stage, lake: Lake, base: Snapshot) -> Plan:
    """Compare the two tables by document: row hash and recipe say what is fresh."""
    source = lake.snapshot(stage.source)
    came = current(source, ["doc_id", "row_sha256", "outcome"])
    kept = input_digests(came.filter(pl.col("outcome") == KEPT))
    everything = kept.height
    if stage.gate is not None:
        kept = kept.join(_kept_ids(lake.snapshot(stage.gate)), on="doc_id", how="semi")
    had = current(base, ["doc_id", "input_sha256", "recipe_version", "outcome"]).unique("doc_id")
    fresh = had.filter((pl.col("recipe_version") == stage.recipe_version) & ~pl.col("outcome").is_in(GONE))
    todo = kept.join(fresh, on=["doc_id", "input_sha256"], how="anti")
    gone = had.filter(~pl.col("outcome").is_in(GONE)).join(kept, on="doc_id", how="anti")
    ids = set(todo["doc_id"])
    return Plan(
        parts=[] if not ids else _parts(stage, lake, source, ids=ids if len(ids) < everything else None),
        documents=len(ids),
        replaces=frozenset(had["doc_id"]) & ids,
        gone=sorted(gone["doc_id"]),
    )


def _kept_ids(snapshot: Snapshot) -> pl.DataFrame:
    return current(snapshot, ["doc_id", "outcome"]).filter(pl.col("outcome") == KEPT).select("doc_id").unique()


def _parts(stage: Stage, lake: Lake, source: Snapshot, *, ids: set[str] | None) -> list[str]:
    """Files of the source bundled into parts of bounded size; ``ids`` leaves out the files that hold none of them."""
    files = sorted(source.files(), key=lambda file: file.key)
    wanted: dict[str, set[str]] = {}
    if ids is not None:
        wanted = {
            file.key: ids.intersection(lake.read_file(file.key, ["doc_id"])["doc_id"].to_pylist()) for file in files
        }
        files = [file for file in files if wanted[file.key]]
    parts: list[str] = []
    for bundle in _bundles(files):
        spec = {
            "source": stage.source.name,
            "target": stage.target.name,
            "step": stage.step,
            "settings": stage.settings,
            "recipe_version": stage.recipe_version,
            "files": [file.key for file in bundle],
            "ids": None if ids is None else sorted(set().union(*(wanted[file.key] for file in bundle))),
        }
        parts.append(json.dumps(spec))
    return parts


def _bundles(files: Sequence[TableFile]) -> Iterator[list[TableFile]]:
    bundle: list[TableFile] = []
    for file in files:
        size = sum(other.size_bytes for other in bundle) + file.size_bytes
        rows = sum(other.rows for other in bundle) + file.rows
        if bundle and (size > PART_BYTES or rows > PART_DOCUMENTS):
            yield bundle
            bundle = []
        bundle.append(file)
    if bundle:
        yield bundle


def _work(stage: Stage, plan: Plan, *, lake: Lake, engine: BatchEngine, progress: Progress) -> list[TableFile]:
    """Run the parts and gather the files they wrote."""
    files: list[TableFile] = []
    done, started = 0, time.monotonic()
    progress.step(stage.target.name, 0, plan.documents)

    def on_result(text: str) -> None:
        nonlocal done
        result = json.loads(text)
        files.extend(TableFile(**file) for file in result["files"])
        done += result["documents"]
        rate = done / max(time.monotonic() - started, 1e-3)
        progress.step(stage.target.name, done, plan.documents, note=f"{rate:,.0f}/s on {engine.describe()}")

    if plan.parts:
        engine.map("dataalchemy_pipelines.engine.batch:run_part", plan.parts, lake=lake, on_result=on_result)
    return files


def run_part(lake: Lake, part: str) -> str:
    """The worker: read the part's files, run the step, write what comes out, say names and counts."""
    spec = json.loads(part)
    target = TABLES[spec["target"]]
    rows = pl.concat([frame(lake.read_file(key)) for key in spec["files"]])
    rows = rows.filter(pl.col("outcome") == KEPT)
    if spec["ids"] is not None:
        rows = rows.filter(pl.col("doc_id").is_in(spec["ids"]))
    files: list[dict[str, Any]] = []
    if rows.height:
        module, _, name = spec["step"].partition(":")
        step: Callable[..., pl.DataFrame] = getattr(importlib.import_module(module), name)
        made = step(lake, rows, spec["settings"])
        table = complete(made, rows, target, recipe_version=spec["recipe_version"])
        key = f"{lake.staging(target)}/{secrets.token_hex(16)}.parquet"
        file = lake.write_file(key, table)
        files.append({"key": file.key, "rows": file.rows, "size_bytes": file.size_bytes})
    return json.dumps({"files": files, "documents": rows["doc_id"].n_unique()})


def complete(made: pl.DataFrame, came: pl.DataFrame | None, target: TableSpec, *, recipe_version: str) -> pa.Table:
    """Fill in what every row carries: its input's hash, the recipe, and the hash of the row itself.

    The input of a document's rows is what ``came`` holds of it; None where each row says itself what it was made from.
    """
    made = made.drop("row_sha256", "recipe_version", strict=False)
    if came is not None:
        made = made.drop("input_sha256", strict=False).join(input_digests(came), on="doc_id", how="left")
    made = made.with_columns(
        pl.lit(recipe_version).alias("recipe_version"), pl.lit(None, pl.String).alias("row_sha256")
    )
    missing = [name for name in target.schema.names if name not in made.columns]
    made = made.with_columns(pl.lit(None).alias(name) for name in missing)
    table = made.select(target.schema.names).to_arrow().cast(target.schema)
    place = target.schema.names.index("row_sha256")
    return table.set_column(place, target.schema.field(place), row_digests(table, target))


def _withdrawn(base: Snapshot, gone: Sequence[str]) -> pa.Table | None:
    """One row without text for each document that is no longer there upstream."""
    if not gone:
        return None
    identity = ["doc_id", "source", "native_id", "version"]
    rows = current(base, identity).unique("doc_id").filter(pl.col("doc_id").is_in(list(gone)))
    rows = rows.with_columns(
        pl.lit(WITHDRAWN).alias("outcome"), pl.lit("gone upstream").alias("reason"), pl.lit("").alias("row_sha256")
    )
    return complete(rows, rows.select("doc_id", "row_sha256"), base.spec, recipe_version="")


def settle_rows(
    lake: Lake, target: TableSpec, *, made: Callable[[], tuple[pl.DataFrame, pl.DataFrame]], recipe_version: str
) -> int:
    """Bring a table up to date with rows that are made from all documents at once; return how many documents changed.

    ``made`` gives the rows and what they were made from (doc_id, row_sha256). Only documents whose rows differ from
    what stands are written. Raises Conflict after five lost races.
    """
    for attempt in range(ATTEMPTS):
        base = lake.snapshot(target)
        rows, came = made()
        table = frame(complete(rows, came, target, recipe_version=recipe_version))
        had = current(base, ["doc_id", "row_sha256", "outcome"])
        changed = set(table.join(had, on=["doc_id", "row_sha256"], how="anti")["doc_id"])
        standing = had.filter(~pl.col("outcome").is_in(GONE))
        changed |= set(standing.join(table, on=["doc_id", "row_sha256"], how="anti")["doc_id"]) & set(table["doc_id"])
        gone = sorted(set(standing["doc_id"]) - set(table["doc_id"]))
        if not changed and not gone:
            return 0
        fresh = table.filter(pl.col("doc_id").is_in(sorted(changed))).to_arrow().cast(target.schema)
        withdrawn = _withdrawn(base, gone)
        fresh = fresh if withdrawn is None else pa.concat_tables([fresh, withdrawn])
        try:
            lake.commit(base, Change(rows=fresh, replaces=(frozenset(changed) & frozenset(had["doc_id"])) | set(gone)))
        except Conflict:
            time.sleep(random.uniform(0, 0.2 * 2**attempt))
            continue
        return len(changed)
    raise Conflict("Other runs kept changing the table", subject=target.name, fix="Run it again when they are done.")
