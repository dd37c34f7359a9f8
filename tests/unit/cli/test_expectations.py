"""Each way in which a lake can differ from what is expected of it is found, and no planted value is repeated."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dataalchemy_pipelines.cli.expectations import differences, load_expectations
from dataalchemy_pipelines.core.errors import WrongInput
from dataalchemy_pipelines.engine import landing, steps
from dataalchemy_pipelines.engine.batch import run_stage
from dataalchemy_pipelines.engine.sources import register, source_of
from dataalchemy_pipelines.transforms.recipe import RecipeSettings
from resources.lake import LocalLake
from resources.progress import LogProgress
from resources.spark import LocalEngine

LETTER = (
    "The offer of the boiler stands for thirty days from the date above, and the order number is 4500 0178 3320.\n\n"
    "Delivery takes six weeks. The boiler comes with a filter, two hoses and a brass gauge, packed in one crate.\n\n"
    "Whoever has questions writes to {0}, and gets an answer within two working days from the people of the workshop.\n"
)
PLANTED = "thirty days from the date above"
"""Stands in the cleaned text; as a passage that must not, it plays the leaked value."""

Expected = dict[str, Any]
EXPECTED: Expected = {
    "inputs": {
        "offer.txt": {
            "outcome": "kept",
            "contains": ["order  number is\n4500 0178 3320"],
            "lacks": ["jo@works.example"],
            "redactions": {"EMAIL": 1, "PHONE": 0},
            "language": "en",
        },
        "offer-copy.txt": {"outcome": "kept"},
        "empty.txt": {"outcome": "rejected", "stage": "documents", "reason": "empty"},
    },
    "groups": [{"kind": "exact", "members": ["offer.txt", "offer-copy.txt"]}],
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LocalLake:
    """Two equal letters and an empty file, up to their clusters."""
    root = tmp_path_factory.mktemp("letters")
    folder = root / "letters"
    folder.mkdir()
    for name in ("offer.txt", "offer-copy.txt"):
        (folder / name).write_text(LETTER.format("jo@works.example"), encoding="utf-8")
    (folder / "empty.txt").write_bytes(b"")
    made, progress, engine = LocalLake(root=(root / "lake").as_uri()), LogProgress(), LocalEngine()
    register(made, source_of(folder, name="letters", access=("local",)))
    landing.land_sources(made, [], progress=progress)
    for stage in (steps.parse_stage(), steps.clean_stage(RecipeSettings()), steps.sign_stage()):
        run_stage(stage, lake=made, engine=engine, progress=progress)
    steps.settle_clusters(made, progress)
    return made


def test_a_lake_that_holds_what_is_expected_differs_in_nothing(lake: LocalLake) -> None:
    assert differences(lake, "letters", EXPECTED) == []


def offer(**fields: Any) -> Callable[[Expected], None]:
    """A change of what is expected of the letter."""
    return lambda expected: expected["inputs"]["offer.txt"].update(fields)


def empty(**fields: Any) -> Callable[[Expected], None]:
    """A change of what is expected of the empty file."""
    return lambda expected: expected["inputs"]["empty.txt"].update(fields)


def group(**fields: Any) -> Callable[[Expected], None]:
    """A change of the group."""
    return lambda expected: expected["groups"][0].update(fields)


CHANGES: dict[str, tuple[Callable[[Expected], None], str]] = {
    "an input that never came": (
        lambda expected: expected["inputs"].update({"lost.txt": {"outcome": "kept"}}),
        "lost.txt: expected, but it never came in",
    ),
    "an input that nobody expects": (
        lambda expected: expected["inputs"].pop("empty.txt"),
        "empty.txt: came in, but nothing is expected of it",
    ),
    "another outcome": (
        empty(outcome="kept"),
        "empty.txt: rejected (empty) at documents, expected kept",
    ),
    "another stage": (empty(stage="clean_documents"), "empty.txt: stage documents, expected clean_documents"),
    "another reason": (empty(reason="too_short"), "empty.txt: reason empty, expected too_short"),
    "a passage that is not there": (offer(contains=["in ninety days"]), "offer.txt: does not contain 'in ninety days'"),
    "planted values that are left": (offer(lacks=[PLANTED, "hoses", "x"]), "offer.txt: 3 planted values are left"),
    "too few redactions": (offer(redactions={"EMAIL": 2}), "offer.txt: 1 redactions of kind EMAIL, expected 2"),
    "too many redactions": (offer(redactions={"EMAIL": 0}), "offer.txt: 1 redactions of kind EMAIL, expected 0"),
    "a kind that never came": (offer(redactions={"IBAN": 1}), "offer.txt: 0 redactions of kind IBAN, expected 1"),
    "another language": (offer(language="de"), "offer.txt: language en, expected de"),
    "another kind of duplicate": (
        group(kind="near"),
        "offer.txt, offer-copy.txt: duplicates by exact, expected near",
    ),
    "a group of more than there is": (
        group(members=["offer.txt", "offer-copy.txt", "empty.txt"]),
        "offer.txt, offer-copy.txt, empty.txt: expected one kept and the others its duplicates",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_kind_of_difference_is_named(lake: LocalLake, change: str) -> None:
    make, line = CHANGES[change]
    expected = copy.deepcopy(EXPECTED)
    make(expected)
    assert line in differences(lake, "letters", expected)


def test_a_planted_value_is_never_repeated(lake: LocalLake) -> None:
    expected = copy.deepcopy(EXPECTED)
    offer(lacks=[PLANTED])(expected)
    (line,) = differences(lake, "letters", expected)
    assert PLANTED not in line


def test_a_duplicate_that_no_group_names_is_a_difference(lake: LocalLake) -> None:
    found = differences(lake, "letters", {**EXPECTED, "groups": []})
    assert len(found) == 1
    assert "duplicate_of (exact) at clusters, expected kept" in found[0]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"inputs": 3}', '{"inputs": {}, "groups": 1}', "\ud800", "null"])
def test_a_file_of_another_form_is_wrong_input_with_a_mend(tmp_path: Path, body: str) -> None:
    path = tmp_path / "expected.json"
    path.write_bytes(body.encode("utf-8", "surrogatepass"))
    with pytest.raises(WrongInput, match=r"samples/README\.md"):
        load_expectations(path)


def test_groups_may_be_left_out(tmp_path: Path) -> None:
    path = tmp_path / "expected.json"
    path.write_text(json.dumps({"inputs": {"a": {"outcome": "kept"}}}), encoding="utf-8")
    assert load_expectations(path) == {"inputs": {"a": {"outcome": "kept"}}, "groups": []}
