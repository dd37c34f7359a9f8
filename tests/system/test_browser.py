"""The pages in a real browser: the whole graph from a click, its plots, and a schedule that is switched on and runs."""

from __future__ import annotations

import json
import os
import re
import signal
import string
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from resources.provision import find_program

pytestmark = [pytest.mark.browser, pytest.mark.models]

DATAALCHEMY = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()"]
GROUPS = ("ingest", "clean", "curate", "synthesize", "train", "publish")
SCHEDULE = "/locations/dataalchemy/schedules/scheduled_ingestion"
MACHINES = ("pump", "kiln", "loader", "press", "mixer", "lathe", "oven", "crane", "dryer", "sorter", "welder", "shaker")
RUNS = "{runsOrError(limit:50){... on Runs{results{runId status jobName startTime tags{key value}}}}}"
ASSETS = """{assetNodes{assetKey{path} assetMaterializations(limit:1){runId}
  assetChecksOrError{... on AssetChecks{checks{name executionForLatestMaterialization{status}}}}}}"""
TOGGLE = """{scheduleOrError(scheduleSelector:{repositoryName:"__repository__",repositoryLocationName:"dataalchemy",
  scheduleName:"scheduled_ingestion"}){... on Schedule{scheduleState{status}}}}"""
START_S, RUN_S, PAGE_S = 120, 420, 60
"""Far more than is needed (10, 70 and 3 s on two idle cores): a busy machine makes the test slow and not red."""


@dataclass(frozen=True)
class Pages:
    """A running `dataalchemy up`."""

    address: str

    def ask(self, query: str) -> Any:
        """The answer of the GraphQL address."""
        body = json.dumps({"query": query}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PAGE_S) as reply:
            return json.load(reply)["data"]

    def runs(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, newest first, with their tags as a mapping."""
        found = self.ask(RUNS)["runsOrError"]["results"]
        return [
            {**run, "tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found if run["jobName"] == job
        ]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A data path of its own with one source, and models that are made on the spot."""
    root = tmp_path_factory.mktemp("browser")
    documents = root / "documents"
    documents.mkdir()
    for number, machine in enumerate(MACHINES):
        (documents / f"{machine}.md").write_text(manual(machine, number), encoding="utf-8")
    texts = [path.read_text(encoding="utf-8") for path in sorted(documents.iterdir())]
    settings = {
        "DATAALCHEMY_DATA_PATH": str(root / "data"),
        "DATAALCHEMY_CACHE": str(root / "cache"),
        "DATAALCHEMY_MODELS": str(models(root, texts)),
        "DATAALCHEMY_DEVICE": "cpu",
        "DATAALCHEMY_SCHEDULE": "* * * * *",
        "PROJECT_ROOT": str(root),
    }
    made = {**os.environ, **settings}
    subprocess.run([*DATAALCHEMY, "ingest", str(documents), "--stage", "wash"], env=made, check=True)
    return made


@pytest.fixture(scope="module")
def pages(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """`dataalchemy up` as a person starts it."""
    from tests.conftest import free_port

    port = free_port()
    log = tmp_path_factory.mktemp("up") / "up.log"
    with log.open("wb") as output:
        command = [*DATAALCHEMY, "up", "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        until(lambda: process.poll() is not None or b"open http" in log.read_bytes(), START_S)
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        yield Pages(f"http://127.0.0.1:{port}")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(START_S)


@pytest.fixture
def page() -> Iterator[Any]:
    """A page in Chromium, as wide as a laptop's."""
    from playwright.sync_api import sync_playwright

    chromium = find_program("chromium")
    if chromium is None:
        pytest.skip("chromium is not on this machine; scripts/test-services brings it")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(chromium), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1600, "height": 1000})
        opened.set_default_timeout(PAGE_S * 1000)
        yield opened
        browser.close()


def test_the_whole_graph_is_made_from_the_pages_and_the_schedule_that_is_switched_on_runs(
    pages: Pages, page: Any
) -> None:
    switch_schedule(pages, page, on=False)
    until(lambda: all(run["status"] in ("SUCCESS", "FAILURE") for run in pages.runs("refine")), RUN_S)

    materialize(pages, page, "full_cycle")
    materialize(pages, page, "maintain")
    assert not_green(pages) == []

    page.goto(f"{pages.address}/runs")
    page.get_by_text("full_cycle").first.wait_for()
    keep(page, pages, "asset-graph", show_graph)
    keep(page, pages, "asset-plots", show_plots)

    before = {run["runId"] for run in pages.runs("refine")}
    switch_schedule(pages, page, on=True)
    until(lambda: any(ended(run) for run in pages.runs("refine") if run["runId"] not in before), RUN_S)
    switch_schedule(pages, page, on=False)
    made = [run for run in pages.runs("refine") if run["runId"] not in before and ended(run)]
    assert {run["status"] for run in made} == {"SUCCESS"}
    assert {run["tags"].get("dagster/schedule_name") for run in made} == {"scheduled_ingestion"}


def materialize(pages: Pages, page: Any, job: str) -> None:
    """Press the job's button and wait for its first run, which must succeed."""
    page.goto(f"{pages.address}/locations/dataalchemy/jobs/{job}")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    until(lambda: any(ended(run) for run in pages.runs(job)), RUN_S)
    assert [run["status"] for run in pages.runs(job)] == ["SUCCESS"]


def ended(run: dict[str, Any]) -> bool:
    """Whether a run is over."""
    return run["status"] in ("SUCCESS", "FAILURE")


def not_green(pages: Pages) -> list[str]:
    """Assets that were never made, and checks of the newest materialisation that did not succeed."""
    wrong = []
    nodes = pages.ask(ASSETS)["assetNodes"]
    assert len(nodes) >= len(GROUPS)
    for node in nodes:
        name = node["assetKey"]["path"][-1]
        wrong += [] if node["assetMaterializations"] else [name]
        for check in node["assetChecksOrError"].get("checks", []):
            state = (check["executionForLatestMaterialization"] or {}).get("status")
            wrong += [] if state == "SUCCEEDED" else [f"{name}: {check['name']} {state}"]
    return wrong


def switch_schedule(pages: Pages, page: Any, *, on: bool) -> None:
    """Turn the schedule's switch on its page, and see that the instance knows."""
    page.goto(pages.address + SCHEDULE)
    switch = page.locator("input[type=checkbox]").first
    switch.wait_for(state="attached")
    assert switch.is_checked() is not on
    switch.press("Space")  # what is drawn over the checkbox keeps it from being clicked
    wanted = "RUNNING" if on else "STOPPED"
    until(lambda: pages.ask(TOGGLE)["scheduleOrError"]["scheduleState"]["status"] == wanted, PAGE_S)


def show_graph(page: Any, pages: Pages) -> None:
    """The asset graph with every group open, and room for it: the page fits it to the width it finds when it loads."""
    page.get_by_role("button", name="Hide navigation").click()
    page.goto(f"{pages.address}/asset-groups?expanded=" + ",".join(f"global@global:{group}" for group in GROUPS))
    page.get_by_text("raw_records").first.wait_for()
    page.get_by_text("released_adapter").first.wait_for()


def show_plots(page: Any, pages: Pages) -> None:
    """The numbers of an asset over its materialisations."""
    page.goto(f"{pages.address}/assets/clean_documents?view=overview")
    page.get_by_text("Plots", exact=True).click()
    page.locator("canvas").first.wait_for()
    assert page.locator("canvas").count() >= 5


def keep(page: Any, pages: Pages, name: str, show: Callable[[Any, Pages], None]) -> None:
    """Show something, and write what is seen where DATAALCHEMY_SCREENSHOTS names a folder."""
    show(page, pages)
    folder = os.environ.get("DATAALCHEMY_SCREENSHOTS")
    if folder:
        page.wait_for_load_state("networkidle")
        page.screenshot(path=str(Path(folder) / f"{name}.png"))


def until(holds: Callable[[], bool], limit_s: float) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come"
        time.sleep(0.5)


def manual(machine: str, number: int) -> str:
    """A short document whose sentences no other document has."""
    return f"""# The {machine}

The {machine} stands in hall {number + 1} and is looked after by the early shift of team {number % 4 + 1}.
Its filter is changed every {30 + 5 * number} days, and the old one goes into the blue container.
The {machine} must not run above {60 + 3 * number} degrees, since its seal was made for no more than that.

## When the {machine} stops

Switch the {machine} off at the wall, wait for {number + 2} minutes and read the number on its panel.
A number below {100 + 7 * number} means that the {machine} lacks air; a higher one means that the belt has slipped.
"""


def models(root: Path, texts: list[str]) -> Path:
    """A models file with a tiny chat model, which has room for prompts with passages, and a tiny embedder."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from dataalchemy_pipelines.models.tiny import make_tiny_model

    base = make_tiny_model(root / "base", corpus=[string.printable, *texts])
    config = base / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "max_position_embeddings": 2048}))
    letters = string.ascii_lowercase + string.digits
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(BertConfig(vocab_size=len(words), **shape)).save_pretrained(root / "embedder")
    vocabulary = {word: number for number, word in enumerate(words)}
    BertTokenizerFast(vocab=vocabulary, model_max_length=256).save_pretrained(root / "embedder")
    file = root / "models.yaml"
    entries = {"base": base, "embedder": root / "embedder"}
    file.write_text(json.dumps({name: {"path": str(path), "title": "tiny"} for name, path in entries.items()}))
    return file
