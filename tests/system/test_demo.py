"""`demo` as a newcomer runs it, with the real models: what it promises, and that a second run finds it done."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from resources.settings import CHECKOUT
from tests.system.test_up import DATAALCHEMY

pytestmark = [pytest.mark.system, pytest.mark.models, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def run(home: Path, *words: str) -> str:
    """What a command says, which must end well."""
    environment = {**os.environ, "DATAALCHEMY_DATA_PATH": str(home), "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [*DATAALCHEMY, *words], cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=1500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def said(home: Path) -> str:
    return run(home, "demo")


def test_every_line_of_what_is_expected_holds(said: str) -> None:
    held, lines = re.findall(r"expected\.json: (\d+) of (\d+) lines hold", said)[0]
    assert held == lines != "0"


def test_nothing_is_lost(said: str) -> None:
    sheet = said.split("Balance sheet", 1)[1].split("Not kept", 1)[0]
    lost = [line.split()[-1] for line in sheet.splitlines() if "samples" in line]
    assert len(lost) == 7 and set(lost) == {"0"}


def test_the_adapter_is_shown_to_help_and_released(said: str) -> None:
    gain, low = re.findall(r"It helped: (\S+) nats a token better .* interval (\S+) to .*; released\.", said)[0]
    assert float(gain) > float(low) > 0


def test_the_answer_is_a_quote_that_stands_in_its_source(said: str) -> None:
    quote = re.findall(r'"([^"]+)" \[1\]', said)[0]
    source = re.findall(r"^  \[1\] (\S+)", said, re.MULTILINE)[0]
    text = " ".join((CHECKOUT / "samples" / source).read_text("utf-8").split())
    assert quote in text.replace("*", "").replace("`", "")


def test_again_there_is_nothing_to_do_and_the_same_is_there(home: Path, said: str) -> None:
    again = run(home, "demo")
    assert "nothing new" in again
    assert again.split("Four arms", 1)[1].split("done in")[0] == said.split("Four arms", 1)[1].split("done in")[0]
