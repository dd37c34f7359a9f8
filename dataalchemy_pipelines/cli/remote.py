"""Runs of a Dagster that works elsewhere: launched and followed through its GraphQL address.

Source: docs.dagster.io, "GraphQL API"; the schema is that of the pinned version.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dataalchemy_pipelines.cli.failures import SAID, FailedStep, error_of
from dataalchemy_pipelines.cli.screen import Screen
from dataalchemy_pipelines.defs.automation import CONSOLE
from resources.errors import DataAlchemyError, Unavailable
from resources.settings import Settings

LOCATION, REPOSITORY = "dataalchemy", "__repository__"
POLL_S = 0.5
TIMEOUT_S = 30
PATIENCE_S = 120
"""How long an answer is waited for while a run is followed: a restart of the pages is no failure of the run."""
_ENTRIES = """metadataEntries { label
  ... on IntMetadataEntry { intValue } ... on FloatMetadataEntry { floatValue }
  ... on BoolMetadataEntry { boolValue } ... on TextMetadataEntry { text } }"""
_LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on Error { message } } }"""
_FOLLOW = f"""query($run: ID!, $cursor: String) {{
  runOrError(runId: $run) {{ __typename ... on Run {{ status }} }}
  logsForRun(runId: $run, afterCursor: $cursor, limit: 500) {{ ... on EventConnection {{ cursor hasMore events {{
    __typename ... on MessageEvent {{ stepKey }}
    ... on MaterializationEvent {{ assetKey {{ path }} {_ENTRIES} }}
    ... on ExecutionStepFailureEvent {{ error {{ className cause {{ className }} }} failureMetadata {{ {_ENTRIES} }} }}
    ... on RunFailureEvent {{ error {{ className cause {{ className }} }} }}
    ... on AssetCheckEvaluationEvent {{ evaluation {{ checkName success }} }}
  }} }} }} }}"""
_STOP = "mutation($run: String!) { terminateRun(runId: $run) { __typename } }"


@dataclass
class _Story:
    """What a run has told so far."""

    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: list[FailedStep] = field(default_factory=list)
    failed_checks: list[str] = field(default_factory=list)


def launch(url: str, job: str, *, ops: dict[str, Any], tags: dict[str, str]) -> str:
    """Start a run of a job and return its id. Raises Unavailable, and DataAlchemyError where Dagster refuses it."""
    selector = {"repositoryLocationName": LOCATION, "repositoryName": REPOSITORY, "jobName": job}
    pairs = [{"key": key, "value": value} for key, value in tags.items()]
    params = {"selector": selector, "runConfigData": {"ops": ops, **CONSOLE}, "executionMetadata": {"tags": pairs}}
    answer = _ask(url, _LAUNCH, params=params)["launchRun"]
    if answer["__typename"] != "LaunchRunSuccess":
        fix = "See that its code location is loaded and of this version: open the address in a browser."
        raise DataAlchemyError("Dagster refuses the run", subject=f"{job} ({answer['__typename']})", fix=fix)
    return str(answer["run"]["runId"])


def follow(settings: Settings, run_id: str, screen: Screen) -> dict[str, dict[str, Any]]:
    """Show a run's progress until it ends; return each asset's metadata. Ctrl-C stops the run itself.

    Raises the error that ended the run, made again from what it said.
    """
    url = settings.dagster_url or ""
    screen.say(f"run {url}/runs/{run_id}")
    screen.event("run", run_id=run_id, url=f"{url}/runs/{run_id}")
    story = _Story()
    try:
        status = _to_its_end(settings, run_id, screen, story)
    except KeyboardInterrupt:
        _ask(url, _STOP, run=run_id)
        raise
    if status == "CANCELED":
        raise KeyboardInterrupt
    if status != "SUCCESS":
        raise error_of(story.failed, story.failed_checks, partial(_history_away, url))
    return story.made


def _to_its_end(settings: Settings, run_id: str, screen: Screen, story: _Story) -> str:
    cursor: str | None = None
    last_answer = time.monotonic()
    while True:
        try:
            answer = _ask(settings.dagster_url or "", _FOLLOW, run=run_id, cursor=cursor)
            last_answer = time.monotonic()
        except Unavailable:
            if time.monotonic() - last_answer > PATIENCE_S:
                raise
            time.sleep(POLL_S)
            continue
        logs = answer["logsForRun"]
        cursor = logs["cursor"]
        for event in logs["events"]:
            _listen(story, event)
        _show_steps(settings, run_id, screen)
        status = str(answer["runOrError"].get("status", "MISSING"))
        if status in ("SUCCESS", "FAILURE", "CANCELED", "MISSING") and not logs["hasMore"]:
            return status
        if not logs["hasMore"]:
            time.sleep(POLL_S)


def _listen(story: _Story, event: dict[str, Any]) -> None:
    kind = event["__typename"]
    if kind == "MaterializationEvent":
        story.made["/".join(event["assetKey"]["path"])] = dict(_entries(event))
    elif kind == "ExecutionStepFailureEvent":
        said = {name: str(value) for name, value in _entries(event["failureMetadata"] or {}) if name in SAID}
        error = event["error"] or {"className": "unknown", "cause": None}
        story.failed.append(FailedStep(event["stepKey"], said, _class_of(error)))
    elif kind == "RunFailureEvent" and event["error"]:
        story.failed.append(FailedStep("run", {}, _class_of(event["error"])))
    elif kind == "AssetCheckEvaluationEvent" and not event["evaluation"]["success"]:
        story.failed_checks.append(event["evaluation"]["checkName"])


def _class_of(error: dict[str, Any]) -> str:
    return str((error["cause"] or error)["className"])


def _history_away(url: str, reason: str) -> Unavailable:
    fix = "See that its PostgreSQL runs, then run the same command again; it continues."
    return Unavailable("Dagster lost its history during the run", subject=f"{url} ({reason})", fix=fix)


def _entries(holder: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Label and value of each metadata entry that holds a number, a truth value or a text."""
    for entry in holder.get("metadataEntries", ()):
        for name in ("intValue", "floatValue", "boolValue", "text"):
            if entry.get(name) is not None:
                yield entry["label"], entry[name]


def _show_steps(settings: Settings, run_id: str, screen: Screen) -> None:
    from resources.deployments import resources_for
    from resources.progress import steps_of

    try:
        for step in steps_of(resources_for(settings)["kv"], run_id):
            screen.step(step["stage"], step["done"], step["total"], unit=step["unit"], note=step["note"])
    except Unavailable:
        return  # only the bars are missing: the run and its end are told by Dagster


def _ask(url: str, query: str, **variables: Any) -> Any:
    """The data of one GraphQL request. Raises Unavailable."""
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url.rstrip('/')}/graphql", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            answer = json.load(response)
    except (OSError, ValueError) as error:
        reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else type(error).__name__
        fix = "Start it, or correct DATAALCHEMY_DAGSTER_URL; `dataalchemy doctor` tests it."
        raise Unavailable("Dagster does not answer", subject=f"{url} ({reason})", fix=fix) from None
    if answer.get("errors"):
        fix = "It may be of another version than this program: bring both to the same."
        raise DataAlchemyError("Dagster does not understand the question", subject=url, fix=fix)
    return answer["data"]
