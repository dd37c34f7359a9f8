"""Language model and embedder, in a process of their own: `python -m dataalchemy_pipelines.models`."""
