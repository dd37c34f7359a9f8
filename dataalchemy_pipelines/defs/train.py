"""Train stage: a candidate adapter, learnt in a process of its own. Keep torch out; training/ has it."""

import dagster as dg

from dataalchemy_pipelines.defs.failures import explained
from dataalchemy_pipelines.engine.training import Learner, TrainSettings, candidate_files, train_adapter
from dataalchemy_pipelines.engine.training_set import standing
from resources.contracts import Lake, Llm, Progress, Trainer


class TrainConfig(TrainSettings, dg.Config):
    """The training's settings, editable in the launchpad."""


@dg.asset(key="adapter", deps=["training_sets"], group_name="train", kinds={"pytorch"}, pool="gpu", owners=["team:ml"])
@explained
def adapter(
    config: TrainConfig,
    lake: dg.ResourceParam[Lake],
    trainer: dg.ResourceParam[Trainer],
    llm: dg.ResourceParam[Llm],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult:
    """A LoRA adapter of the base model, as a standard PEFT folder in the lake; a candidate until it is judged."""
    settings = TrainSettings.model_validate(config.model_dump())
    learner = Learner(trainer, llm.describe())
    trained = train_adapter(lake, learner, standing(lake), settings=settings, progress=progress)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(trained.adapter),
        metadata={
            **trained.figures,
            "worked_on": int(trained.trained_now),
            "adapter": trained.adapter,
            "training_set_id": trained.training_set_id,
        },
    )


@dg.asset_check(asset=adapter, blocking=True)
@explained
def the_adapter_is_whole(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
    """Every file of the candidate is in the lake and equal to its hash."""
    files, wrong = candidate_files(lake)
    return dg.AssetCheckResult(passed=wrong == 0 and files > 0, metadata={"files": files, "wrong": wrong})
