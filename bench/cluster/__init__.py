"""A cluster to measure and test the operator on: its API, played nodes, a proxy that counts, the operator itself."""
