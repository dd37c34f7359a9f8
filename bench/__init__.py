"""Benchmarks, one question a file: `python -m bench.NAME` prints one JSON line, both sides measured in the same run."""
