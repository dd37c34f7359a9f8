"""PowerPoint: every slide in its order, its tables and notes."""

from __future__ import annotations

from dataalchemy_pipelines.parsing import markdown
from dataalchemy_pipelines.parsing.archive import Archive
from dataalchemy_pipelines.parsing.markup import Element, attribute, name_of
from dataalchemy_pipelines.parsing.office import main_part, properties, relations
from dataalchemy_pipelines.parsing.verdict import Input, Parsed

_TITLES = ("title", "ctrTitle")


def parse_pptx(payload: bytes, record: Input) -> Parsed:
    """All text of a presentation, a heading a slide where it has a title. Raises Unparsable."""
    archive = Archive(payload)
    part = main_part(archive, "ppt/presentation.xml")
    targets = relations(archive, part)
    order = [_relation_id(node) for node in archive.xml(part).iterfind("{*}sldIdLst/{*}sldId")]
    blocks = [block for key in order if key in targets for block in _slide(archive, targets[key].target)]
    about = properties(archive)
    return Parsed(
        text=markdown.join(blocks),
        title=about.title,
        authors=about.authors,
        created_at=about.created_at,
        updated_at=about.updated_at,
    )


def _relation_id(node: Element) -> str:
    """The id of the relationship; the slide's own id has the same name without a namespace."""
    return next((value for key, value in node.attrib.items() if key.endswith("}id")), "")


def _slide(archive: Archive, part: str) -> list[str]:
    blocks = _shapes(archive.xml(part))
    notes = [relation.target for relation in relations(archive, part).values() if relation.kind == "notesSlide"]
    spoken = [block for target in notes for block in _shapes(archive.xml(target), notes=True)]
    return [*blocks, "Notes: " + "\n".join(spoken)] if spoken else blocks


def _shapes(node: Element, *, notes: bool = False) -> list[str]:
    """The blocks of a slide's shapes, groups opened; on a notes page only the notes themselves."""
    blocks: list[str] = []
    for child in node:
        name = name_of(child)
        if name == "sp":
            kind = next((attribute(mark, "type") for mark in child.iterfind(".//{*}nvPr/{*}ph")), "")
            paragraphs = [text for part in child.iterfind(".//{*}p") if (text := _paragraph(part))]
            if kind in _TITLES and not notes:
                blocks.append(markdown.heading(" ".join(paragraphs), 2))
            elif not notes or kind == "body":
                blocks.append("\n".join(paragraphs))
        elif name == "tbl":
            rows = child.iterfind("{*}tr")
            blocks.append(markdown.table([_cell(cell) for cell in row.iterfind("{*}tc")] for row in rows))
        elif name != "Fallback":
            blocks += _shapes(child, notes=notes)
    return [block for block in blocks if block.strip()]


def _cell(cell: Element) -> str:
    return "\n".join(filter(None, (_paragraph(part) for part in cell.iterfind(".//{*}p"))))


def _paragraph(node: Element) -> str:
    pieces = (part.text or "" if name_of(part) == "t" else "\n" for part in node.iter("{*}t", "{*}br"))
    return "".join(pieces).strip()
