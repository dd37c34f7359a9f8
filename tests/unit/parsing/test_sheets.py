"""Excel files."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dataalchemy_pipelines.parsing.sheets import parse_xlsx
from dataalchemy_pipelines.parsing.verdict import Input

Zipped = Callable[[Mapping[str, str | bytes]], bytes]


def test_cells_stand_in_their_columns_with_shared_inline_and_true_values(zipped: Zipped) -> None:
    rels = (
        '<Relationships xmlns="u"><Relationship Id="r1" Type="x/worksheet" Target="worksheets/s.xml"/>'
        '<Relationship Id="r2" Type="x/sharedStrings" Target="shared.xml"/></Relationships>'
    )
    sheet = (
        '<worksheet><sheetData><row><c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>in</t></is></c></row>'
        '<row><c r="B2"><f>1+1</f><v>2</v></c><c t="b"><v>1</v></c></row></sheetData></worksheet>'
    )
    payload = zipped(
        {
            "xl/workbook.xml": '<workbook xmlns:r="u:r"><sheets><sheet name="Costs" r:id="r1"/></sheets></workbook>',
            "xl/_rels/workbook.xml.rels": rels,
            "xl/shared.xml": "<sst><si><r><t>sha</t></r><r><t>red</t></r><rPh><t>guide</t></rPh></si></sst>",
            "xl/worksheets/s.xml": sheet,
        }
    )
    text = parse_xlsx(payload, Input("a.xlsx")).text
    assert text == "## Costs\n\n| shared |  | in |\n| --- | --- | --- |\n|  | 2 | TRUE |"
