"""A stage that loses a document, or lets something personal through, stops the run: nothing downstream is made."""

from __future__ import annotations

from collections.abc import Callable

import dagster as dg
import polars as pl
import pyarrow.compute as pc
import pytest

from dataalchemy_pipelines.core.records import CLEAN_DOCUMENTS, SIGNATURES
from dataalchemy_pipelines.transforms import recipe
from resources.contracts import Change
from tests.defs.conftest import QUIET, House, failed_checks, materialised

LOST = ("clean_documents", "every_document_is_accounted_for")
LEAKED = ("clean_documents", "nothing_personal_is_left")

Step = Callable[[pl.DataFrame, recipe.RecipeSettings], pl.DataFrame]
clean: Step = recipe.clean


def losing(rows: pl.DataFrame, settings: recipe.RecipeSettings) -> pl.DataFrame:
    """A clean step with a fault: the last document vanishes."""
    return clean(rows, settings)[:-1]


def leaking(rows: pl.DataFrame, settings: recipe.RecipeSettings) -> pl.DataFrame:
    """A clean step with a fault: a mail address gets past redaction."""
    return clean(rows, settings).with_columns(pl.col("text") + " Ask left.over@works.example.")


@pytest.mark.parametrize(("fault", "check"), [(losing, LOST), (leaking, LEAKED)])
def test_a_faulty_step_fails_its_check_and_nothing_downstream_is_made(
    house: House, monkeypatch: pytest.MonkeyPatch, fault: Step, check: tuple[str, str]
) -> None:
    monkeypatch.setattr(recipe, "clean", fault)
    result = house.run("refine")
    assert not result.success
    assert failed_checks(result) == {check}
    assert materialised(result) == {"raw_records", "documents", "clean_documents"}
    assert house.lake.snapshot(SIGNATURES).version == -1


def test_the_run_after_the_fault_was_mended_finds_what_was_lost(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "clean", losing)
        assert not house.run("refine").success
    result = house.run("refine")
    assert result.success
    (made,) = result.asset_materializations_for_node("clean_documents")
    assert (made.metadata["worked_on"].value, made.metadata["lost"].value) == (1, 0)


def test_a_document_dropped_behind_the_ledgers_back_is_missed_before_anything_is_made_of_the_rest(
    house: House,
) -> None:
    assert house.run("refine").success
    base = house.lake.snapshot(CLEAN_DOCUMENTS)
    (doomed, *_) = sorted(base.read(["doc_id"])["doc_id"].to_pylist())
    house.lake.commit(base, Change(replaces=frozenset({doomed})))
    assert doomed not in pc.unique(house.lake.snapshot(CLEAN_DOCUMENTS).read(["doc_id"])["doc_id"]).to_pylist()

    checks = dg.AssetSelection.checks_for_assets("clean_documents")
    recheck = dg.define_asset_job("recheck", checks | dg.AssetSelection.groups("curate"))
    defs = dg.Definitions.merge(house.defs, dg.Definitions(jobs=[recheck]))
    job = defs.resolve_job_def("recheck")
    result = job.execute_in_process(run_config=QUIET, instance=house.instance, raise_on_error=False)
    assert not result.success
    assert failed_checks(result) == {LOST}
    assert materialised(result) == set()
