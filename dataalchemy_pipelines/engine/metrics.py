"""The lake in numbers, for a monitoring system: what each stage made of the documents, and how large each table is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dataalchemy_pipelines.core.outcomes import Balance, balances, landing_balances
from dataalchemy_pipelines.core.records import RAW_RECORDS, STAGES, TABLES
from resources.contracts import Lake


@dataclass(frozen=True)
class Family:
    """One metric: its name, what it tells, the names of its labels, and a value for each set of labels."""

    name: str
    help: str
    labels: tuple[str, ...]
    samples: tuple[tuple[tuple[str, ...], float], ...]


def lake_families(lake: Lake) -> Iterator[Family]:
    """Documents by stage, source and outcome; documents lost; rows, files and bytes of each table.

    Cost: the ids and outcomes of every stage are read. Raises what the lake raises.
    """
    sheets = {"raw_records": landing_balances(lake.snapshot(RAW_RECORDS))}
    made = [(source, target) for source, target in STAGES if lake.snapshot(target).version >= 0]
    sheets |= {target.name: balances(lake, source, target) for source, target in made}
    yield Family(
        "dataalchemy_documents",
        "Documents of a source that ended in an outcome at a stage",
        ("stage", "source", "outcome"),
        tuple(
            ((stage, source, outcome), float(count))
            for stage, sheet in sheets.items()
            for source, balance in sheet.items()
            for outcome, count in sorted(balance.outcomes.items())
        ),
    )
    lost = [(stage, sum(sheet.values(), Balance(stage, 0)).lost) for stage, sheet in sheets.items()]
    yield Family(
        "dataalchemy_documents_lost",
        "Documents that a stage saw and did not account for; anything but 0 is an error",
        ("stage",),
        tuple(((stage,), float(count)) for stage, count in lost),
    )
    yield from _sizes(lake)


def _sizes(lake: Lake) -> Iterator[Family]:
    files = {name: lake.snapshot(spec).files() for name, spec in TABLES.items()}
    for unit, text in (("rows", "Rows"), ("files", "Parquet files"), ("bytes", "Bytes of live files")):
        samples = []
        for name, some in files.items():
            value = {"rows": sum(f.rows for f in some), "files": len(some), "bytes": sum(f.size_bytes for f in some)}
            samples.append(((name,), float(value[unit])))
        yield Family(f"dataalchemy_table_{unit}", f"{text} of a table of the lake", ("table",), tuple(samples))
