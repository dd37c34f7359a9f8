"""What docs/architecture.md, docs/training.md and docs/adr/ list is what the code has, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import dagster as dg
import pytest

from dataalchemy_pipelines import defs
from dataalchemy_pipelines.core.outcomes import OUTCOMES
from dataalchemy_pipelines.definitions import build_defs
from dataalchemy_pipelines.publishing.gate import ARMS, Verdict
from resources.deployments import DEPLOYMENTS, resources_for
from resources.settings import Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DECISIONS = sorted((DOCS / "adr").glob("[0-9]*.md"))
STAGE_CHECK = "every_document_is_accounted_for"


@pytest.fixture(scope="module")
def architecture() -> str:
    return (DOCS / "architecture.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def rows(architecture: str) -> dict[str, list[str]]:
    """The table of assets: asset -> group, what, checks, numbers."""
    table = architecture.partition("\n## Assets\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:3] == "| `"]
    return {name.strip("`"): rest for name, *rest in cells}


def assets() -> list[dg.AssetsDefinition]:
    return [one for one in dg.load_assets_from_package_module(defs) if isinstance(one, dg.AssetsDefinition)]


def test_the_table_of_assets_has_each_asset_in_its_group_and_no_other(rows: dict[str, list[str]]) -> None:
    groups = {asset.key.to_user_string(): asset.group_names_by_key[asset.key] for asset in assets()}
    assert {name: cells[0] for name, cells in rows.items()} == groups


def test_the_table_of_assets_has_each_check_at_its_asset(rows: dict[str, list[str]]) -> None:
    said = {name: set(re.findall(r"`(\w+)`", cells[2])) for name, cells in rows.items()}
    for name, cells in rows.items():
        said[name] |= {STAGE_CHECK} if cells[1].startswith("*stage*") else set()
    found: dict[str, set[str]] = {name: set() for name in rows}
    for definition in dg.load_asset_checks_from_package_module(defs):
        for key in definition.check_keys:
            found[key.asset_key.to_user_string()].add(key.name)
    assert said == found


def test_every_job_schedule_sensor_outcome_and_pool_is_named(architecture: str) -> None:
    made = build_defs(Settings.read())
    names = {one.name for one in [*(made.jobs or []), *(made.schedules or []), *(made.sensors or [])]}
    pools = {pool for asset in assets() for pool in [asset.op.pool] if pool}
    assert names and pools
    assert sorted(name for name in names | pools | set(OUTCOMES) if f"`{name}`" not in architecture) == []


def test_every_backend_of_every_deployment_is_named(architecture: str) -> None:
    servers = {"DATAALCHEMY_LAKE": "s3://bucket/lake", "DATAALCHEMY_KV": "redis://host:6379/0"}
    for name in DEPLOYMENTS:
        settings = Settings.read(DATAALCHEMY_DEPLOYMENT=name, **({} if name == "native" else servers))
        kinds = {type(resource).__name__ for resource in resources_for(settings).values()}
        assert sorted(kind for kind in kinds if f"`{kind}`" not in architecture) == []


def test_every_arm_and_every_fault_of_the_gate_is_explained() -> None:
    text = (DOCS / "training.md").read_text(encoding="utf-8")
    faults = re.findall(r"``(\w+)``", (Verdict.__doc__ or "").partition("``faults``:")[2])
    assert len(faults) > 3
    assert [fault for fault in faults if f"| `{fault}` |" not in text] == []
    assert [arm for arm in ARMS if arm.replace("+", " + ") not in text] == []


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(len(DECISIONS)))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_choice_and_price_on_one_page(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# {'NNNN' if path.name.startswith('0000') else path.name[:4]}: ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Choice", "Price"]
    assert len(text.split()) < 500
