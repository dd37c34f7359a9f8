"""Two adapters trained on a real model: one knows the answers, one learnt nothing. The gate tells them apart."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence

import polars as pl
import pytest

from dataalchemy_pipelines.models.server import ModelPlace, ModelServer
from dataalchemy_pipelines.models.tiny import make_tiny_model
from dataalchemy_pipelines.publishing.gate import GateSettings
from dataalchemy_pipelines.publishing.release import advance, champion, current
from dataalchemy_pipelines.retrieval.index import build, load, passages, store
from dataalchemy_pipelines.serving.evaluate import CANDIDATE, INDEX, Evaluated, ask_with, evaluate, publish
from dataalchemy_pipelines.serving.focus import focus
from dataalchemy_pipelines.serving.judge import JudgeSettings, read_questions
from dataalchemy_pipelines.synthesis.prompts import build_prompt
from dataalchemy_pipelines.training.run import Workplace, train
from resources.contracts import Generated, Score
from resources.lake import LocalLake
from resources.progress import LogProgress

from .conftest import WordLlm

THINGS = ("boiler", "lathe", "crane", "kiln", "press", "pump", "oven", "saw")
FACTS = [f"The {thing} of hall {hall} is opened with key {thing[:2]}{hall}." for hall in (1, 2, 3) for thing in THINGS]


class TinyLlm(WordLlm):
    """Scores and speaks by a tiny model of its own, and embeds by words, as there is no tiny embedder."""

    def __init__(self, place: Workplace) -> None:
        super().__init__()
        self._server = ModelServer(ModelPlace(place.lake, place.cache, "cpu", place.models_file))

    def generate(
        self, prompts: Sequence[str], *, adapter: str | None = None, max_new_tokens: int = 96
    ) -> list[Generated]:
        """What the model says."""
        asked = {"id": 1, "op": "generate", "prompts": prompts, "adapter": adapter, "max_new_tokens": max_new_tokens}
        return [Generated(**one) for one in self._server.answer(asked)["result"]]

    def score(self, pairs: Sequence[tuple[str, str]], *, adapter: str | None = None) -> list[Score]:
        """How well the model predicts."""
        asked = {"id": 1, "op": "score", "pairs": pairs, "adapter": adapter}
        return [Score(**one) for one in self._server.answer(asked)["result"]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A lake with 24 documents of a sentence each, their index, and a question on each."""
    path = tmp_path_factory.mktemp("planted")
    model = make_tiny_model(path / "model", corpus=FACTS)
    (path / "models.yaml").write_text(json.dumps({"base": {"path": str(model), "title": "tiny"}}))
    (path / "cache").mkdir()
    lake = LocalLake(root=(path / "lake").as_uri())
    rows = [
        {"chunk_id": f"c{n}", "doc_id": f"d{n}", "native_id": f"{n}.md", "title": "Keys", "text": fact}
        for n, fact in enumerate(FACTS)
    ]
    chunks = pl.DataFrame(rows).with_columns(
        position=pl.lit(0, dtype=pl.Int32),
        heading_path=pl.lit([], dtype=pl.List(pl.String)),
        access=pl.lit(["public"], dtype=pl.List(pl.String)),
    )
    index = load(*build(chunks, WordLlm().embed(passages(chunks))))
    advance(lake, INDEX, store(lake, index.chunks, index.vectors).as_value(), expected=0)
    asked = [
        {"id": f"q{n}", "question": f"What opens {' '.join(fact.split()[1:5])}?", "documents": [f"{n}.md"]}
        | {"excerpt": fact}
        for n, fact in enumerate(FACTS)
    ]
    ask_with(lake, "\n".join(map(json.dumps, asked)))
    return Workplace(lake, path / "cache", "cpu", path / "models.yaml")


def planted(place: Workplace, *, steps: int, learning_rate: float) -> str:
    """An adapter that has seen the very questions with their answers, for so many steps at that rate."""
    lake, words = place.lake, WordLlm()
    pointer, asked = current(lake, INDEX), current(lake, "questions")
    assert pointer is not None and asked is not None
    index = load(lake.get(f"objects/indexes/{pointer.value['chunks']}.arrow"), lake.get(_vectors(pointer.value)))
    questions = read_questions(lake.get(asked.value["key"]).decode())
    vectors = words.embed([one.question for one in questions])
    hits = [
        index.search(one.question, vector, principals=["public"], k=2)
        for one, vector in zip(questions, vectors, strict=True)
    ]
    shown = focus(words, list(zip(vectors, hits, strict=True)))
    pairs = [
        {"split": "train", "prompt": build_prompt(one.question, sources), "completion": one.excerpt}
        for one, sources in zip(questions, shown, strict=True)
    ]
    sink = io.BytesIO()
    pl.DataFrame(pairs).write_parquet(sink)
    lake.put("objects/training_data/planted.parquet", sink.getvalue())
    settings = {"max_steps": steps, "learning_rate": learning_rate, "rank": 16, "token_budget": 2048}
    spec = {"data": "objects/training_data/planted.parquet", "training_set_id": "planted", "settings": settings}
    lake.put("objects/training_specs/planted.json", json.dumps(spec).encode())
    return str(train("objects/training_specs/planted.json", place, tell=lambda message: None)["adapter"])


def _vectors(value: dict[str, str]) -> str:
    return f"objects/vectors/{value['vectors']}.npy"


def judged(place: Workplace, adapter: str) -> Evaluated:
    """The gate's word on an adapter, and its release where it lets it through."""
    pointer = current(place.lake, CANDIDATE)
    value = {"adapter": adapter, "training_set_id": "planted"}
    advance(place.lake, CANDIDATE, value, expected=pointer.number if pointer else 0)
    settings = (JudgeSettings(generate_for=4, max_new_tokens=8), GateSettings(max_forgetting=5.0))
    made = evaluate(place.lake, TinyLlm(place), principals=["public"], settings=settings, progress=LogProgress())
    publish(place.lake)
    return made


def test_the_pointer_moves_for_the_helpful_adapter_alone(place: Workplace) -> None:
    useless = judged(place, planted(place, steps=1, learning_rate=1e-7))
    assert not useless.verdict.released and "no_gain" in useless.verdict.faults
    assert champion(place.lake) is None

    helpful = judged(place, planted(place, steps=60, learning_rate=0.02))
    assert helpful.verdict.released, helpful.verdict
    assert helpful.verdict.gain.low > 0.5
    assert (released := champion(place.lake)) is not None and released.adapter == helpful.adapter

    again = judged(place, useless.adapter)
    assert not again.verdict.released
    assert champion(place.lake) == released
