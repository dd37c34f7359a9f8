"""The adapter's model card: what it is, from what, for whom. Nothing that differs between two equal runs."""

from __future__ import annotations

from dataalchemy_pipelines.models.load import ModelFolder
from dataalchemy_pipelines.training.spec import CODE_VERSION, TrainingSpec

CARD = """---
base_model: {base}
library_name: peft
license: {licence}
tags: [lora, dataalchemy]
---
# LoRA adapter for {base}

An adapter for answers grounded in given sources. It answers everyone who may load it, so it was trained only on pairs
that all of its audience may read: {audience}.

- Base model: {base}, files with digest `{base_digest}`.{quantised}
- Training set: `{training_set_id}`; loss on the completions only.
- Settings: {settings}; code version {code}.

Load it with stock peft: `PeftModel.from_pretrained(base, folder)`. Judge it against the base with retrieval before use.
"""
QUANTISED = (
    " The base was de-quantised from a GGUF with 4 bits a weight, so it differs slightly from the model as published;"
    " the adapter fits these weights best."
)


def model_card(spec: TrainingSpec, origin: ModelFolder) -> str:
    """The text of the adapter's README.md."""
    return CARD.format(
        base=origin.source.name,
        licence=origin.source.licence,
        audience=", ".join(spec.audience) or "nobody was named",
        base_digest=origin.digest,
        quantised=QUANTISED if origin.converted else "",
        training_set_id=spec.training_set_id,
        settings=", ".join(
            f"{name} {value}" for name, value in spec.settings.model_dump().items() if value is not None
        ),
        code=CODE_VERSION,
    )
