"""LoRA training, in a process of its own: `python -m dataalchemy_pipelines.training --spec KEY`; imported by nobody."""
