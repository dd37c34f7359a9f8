"""What every stage says of itself: its balance as numbers, as a table, and as a check that blocks."""

import dagster as dg

from dataalchemy_pipelines.core.outcomes import OUTCOMES, Balance, balances, content_digest
from dataalchemy_pipelines.defs.failures import explained
from resources.contracts import Lake, TableSpec


def report(lake: Lake, source: TableSpec, target: TableSpec, *, worked: int) -> dg.MaterializeResult:
    """The materialisation of a stage: its digest as data version, its account as numbers and as a table."""
    sheet = balances(lake, source, target)
    snapshot = lake.snapshot(target)
    return result(sheet, digest=content_digest(snapshot), rows=snapshot.count(), worked=worked)


def result(sheet: dict[str, Balance], *, digest: str, rows: int, worked: int) -> dg.MaterializeResult:
    """A materialisation with an account: numbers under stable keys, so that the UI plots them over time."""
    total = sum(sheet.values(), Balance("", 0))
    reasons = sorted(total.reasons.items(), key=lambda item: (-item[1], item[0]))[:20]
    return dg.MaterializeResult(
        data_version=dg.DataVersion(digest),
        metadata={
            "dagster/row_count": rows,
            "worked_on": worked,
            **total.counts(),
            "balance": dg.MetadataValue.md(balance_table(sheet)),
            "reasons": dg.MetadataValue.md(counts_table("reason", dict(reasons))),
            "digest": digest,
        },
    )


def balance_table(sheet: dict[str, Balance]) -> str:
    """The balance sheet as Markdown: a line for each source; no document's name or text."""
    head = ["source", "seen", *OUTCOMES, "lost"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for source, balance in sheet.items():
        lines.append("| " + " | ".join([source, *(str(value) for value in balance.counts().values())]) + " |")
    return "\n".join(lines)


def counts_table(name: str, counts: dict[str, int]) -> str:
    """Counts as Markdown, largest first, with a bar that a person can compare by eye."""
    most = max([1, *counts.values()])
    rows = [f"| {key} | {count} | {'█' * max(1, round(20 * count / most))} |" for key, count in counts.items()]
    return "\n".join([f"| {name} | count | |", "|---|---|---|", *rows])


def accounting_check(asset: dg.AssetsDefinition, source: TableSpec, target: TableSpec) -> dg.AssetChecksDefinition:
    """The blocking check of a stage: seen = sum of outcomes. A difference means that documents vanished."""

    @dg.asset_check(asset=asset, name="every_document_is_accounted_for", blocking=True)
    @explained
    def every_document_is_accounted_for(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        total = sum(balances(lake, source, target).values(), Balance(target.name, 0))
        balanced = total.lost == 0 and total.seen == sum(total.outcomes.values())
        return dg.AssetCheckResult(passed=balanced, metadata=total.counts())

    return every_document_is_accounted_for
