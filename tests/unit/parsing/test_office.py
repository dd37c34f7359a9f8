"""What office packages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.office import Properties, Relation, main_part, properties, relations

Zipped = Callable[[Mapping[str, str | bytes]], bytes]


def test_times_and_author_come_from_inside_the_package(zipped: Zipped) -> None:
    core = (
        '<p xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/"><dc:title> T </dc:title>'
        "<dc:creator>Ann</dc:creator><t:created>2020-12-03T00:00:00Z</t:created><t:modified>never</t:modified></p>"
    )
    found = properties(Archive(zipped({"docProps/core.xml": core})))
    assert found == Properties("T", ("Ann",), datetime(2020, 12, 3, tzinfo=UTC), None)
    assert properties(Archive(zipped({"other": ""}))) == Properties()


def test_relations_lead_from_the_folder_of_their_part(zipped: Zipped) -> None:
    rels = (
        '<Relationships xmlns="u"><Relationship Id="a" Type="http://x/image" Target="../media/1.png"/>'
        '<Relationship Id="b" Type="http://x/hyperlink" Target="https://a.example" TargetMode="External"/>'
        "</Relationships>"
    )
    archive = Archive(zipped({"ppt/slides/_rels/slide1.xml.rels": rels}))
    assert relations(archive, "ppt/slides/slide1.xml") == {
        "a": Relation("image", "ppt/media/1.png"),
        "b": Relation("hyperlink", "https://a.example"),
    }


def test_the_main_part_is_the_one_that_the_package_names(zipped: Zipped) -> None:
    rel = '<Relationship Id="a" Type="x/officeDocument" Target="/word/other.xml"/>'
    rels = f'<Relationships xmlns="u">{rel}</Relationships>'
    assert (
        main_part(Archive(zipped({"_rels/.rels": rels, "word/other.xml": ""})), "word/document.xml") == "word/other.xml"
    )
    assert main_part(Archive(zipped({"a": ""})), "word/document.xml") == "word/document.xml"
