"""`export`: any table, and the ledger, for people and other tools."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import polars as pl

from dataalchemy_pipelines.core.errors import WrongInput
from resources.settings import Settings

FORMATS = ("jsonl", "parquet", "csv")
LEDGER_COLUMNS = ("doc_id", "version", "stage", "outcome", "reason", "matched_doc_id", "source", "native_id")


@click.command()
@click.argument("table")
@click.option("--format", "form", type=click.Choice(FORMATS), default="jsonl", show_default=True, help="File format.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; default: the terminal.")
@click.option("--private", is_flag=True, help="Allow what is from before redaction: tables, and names in the ledger.")
@click.pass_obj
def export(settings: Settings, table: str, form: str, out: Path | None, private: bool) -> None:
    """Write TABLE (or `ledger`) as jsonl, parquet or csv."""
    from dataalchemy_pipelines.core.outcomes import frame, ledger
    from dataalchemy_pipelines.core.records import TABLES
    from resources.deployments import resources_for

    lake = resources_for(settings)["lake"]
    if table == "ledger":
        rows = pl.DataFrame(ledger(lake, redacted=not private), infer_schema_length=None)
        rows = rows.select(name for name in LEDGER_COLUMNS if name in rows.columns)
    elif table in TABLES:
        if TABLES[table].private and not private:
            raise WrongInput(
                "This table holds text from before redaction", subject=table, fix="Add --private if you mean it."
            )
        rows = frame(lake.snapshot(TABLES[table]).read())
    else:
        raise WrongInput("No such table", subject=table, fix=f"Choose one of {', '.join([*TABLES, 'ledger'])}.")
    write(rows, form, out)


def write(rows: pl.DataFrame, form: str, out: Path | None) -> None:
    """Write rows to a file or the terminal. Raises WrongInput where the file cannot be written."""
    if form == "csv":
        nested = [name for name, kind in rows.schema.items() if kind.is_nested()]
        rows = rows.with_columns(pl.col(name).map_elements(_flat, return_dtype=pl.String) for name in nested)
    try:
        with out.open("wb") if out else open(sys.stdout.fileno(), "wb", closefd=False) as sink:
            getattr(rows, {"jsonl": "write_ndjson", "parquet": "write_parquet", "csv": "write_csv"}[form])(sink)
    except OSError as error:
        raise WrongInput(
            "The file cannot be written", subject=f"{out} ({error.strerror})", fix="Choose another --out."
        ) from None


def _flat(value: pl.Series) -> str:
    return " ".join(str(item) for item in value)
