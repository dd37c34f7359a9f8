"""Does every deployment give the same answers, and at what price?

python -m bench.deployments DIR [--with native,docker,versitygw] [--stage refine|pairs|all]

Takes DIR through the path on each deployment's resources (real servers, started here; `k8s`: a fresh stack in
namespace dataalchemy of the cluster that KUBECONFIG names), one after the other, and prints one JSON line: every
table's digest on each, whether they are equal, seconds, and the ratio to the first one's.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.cluster import access
from bench.postgres import PostgresServer
from bench.servers import MinioServer, RedisServer, S3Server, VersityServer
from resources.settings import CHECKOUT, child_environment

Environment = Mapping[str, str]
PROGRAM = [sys.executable, "-c", "from dataalchemy_pipelines.cli.app import main; main()"]
STAGES = {"refine": ["ingest", "--stage", "refine"], "pairs": ["ingest", "--synthesis"], "all": ["full-cycle"]}


def native(folder: Path, opened: ExitStack) -> Environment:
    """A directory, SQLite, Dagster's history in SQLite."""
    return {"DATAALCHEMY_DEPLOYMENT": "native"}


def docker(folder: Path, opened: ExitStack) -> Environment:
    """What compose.yaml starts: MinIO, Redis, PostgreSQL."""
    return _served(MinioServer(folder / "minio"), folder, opened)


def versitygw(folder: Path, opened: ExitStack) -> Environment:
    """The same with another S3 server."""
    return _served(VersityServer(folder / "versitygw"), folder, opened)


def k8s(folder: Path, opened: ExitStack) -> Environment:
    """The stack of a cluster, whose runs are Jobs there. Its lake must be empty."""
    return access.environment("dataalchemy", opened)


DEPLOYMENTS: dict[str, Callable[[Path, ExitStack], Environment]] = {
    "native": native,
    "docker": docker,
    "versitygw": versitygw,
    "k8s": k8s,
}
OF_THIS_MACHINE = ("native", "docker", "versitygw")


def compare(documents: Path, names: list[str], *, stage: str) -> dict[str, Any]:
    """Digests, seconds and ratios of each deployment; ``equal`` only where every table's digest is the same."""
    digests: dict[str, dict[str, str]] = {}
    seconds: dict[str, float] = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as scratch, ExitStack() as opened:
            folder = Path(scratch)
            environment = {**DEPLOYMENTS[name](folder, opened), "DATAALCHEMY_DATA_PATH": str(folder / "data")}
            _call(["init"], environment)
            started = time.monotonic()
            _call([*STAGES[stage], str(documents)], environment)
            seconds[name] = round(time.monotonic() - started, 1)
            digests[name] = json.loads(_call(["lake", "digest", "--json"], environment).splitlines()[-1])
    first = seconds[names[0]]
    return {
        "documents": str(documents),
        "stage": stage,
        "equal": all(digests[name] == digests[names[0]] for name in names),
        "seconds": seconds,
        "ratio": {name: round(value / first, 2) for name, value in seconds.items()},
        "digests": digests,
    }


def _served(store: S3Server, folder: Path, opened: ExitStack) -> Environment:
    cache, history = RedisServer(folder / "redis"), PostgresServer(folder / "postgres")
    for server in (store, cache, history):
        opened.enter_context(server)
    return {
        "DATAALCHEMY_DEPLOYMENT": "docker",
        "DATAALCHEMY_LAKE": "s3://dataalchemy/lake",
        "DATAALCHEMY_S3_ENDPOINT": store.endpoint,
        "AWS_ACCESS_KEY_ID": store.access_key,
        "AWS_SECRET_ACCESS_KEY": store.secret_key,
        "DATAALCHEMY_KV": cache.url,
        "DATAALCHEMY_KV_PASSWORD": cache.password,
        "DATAALCHEMY_POSTGRES_URL": history.url,
        **history.secret,
    }


def _call(arguments: list[str], environment: Environment) -> str:
    """One command of the program; its stdout. Ends the benchmark where the command failed."""
    own = {**child_environment(), **environment, "PROJECT_ROOT": environment["DATAALCHEMY_DATA_PATH"]}
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=CHECKOUT,
        env={**own, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return done.stdout


def main() -> None:
    """Print one JSON line; exit 1 where the digests differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("--with", dest="names", default=",".join(OF_THIS_MACHINE), help="Names, separated by commas.")
    parser.add_argument("--stage", choices=list(STAGES), default="all")
    arguments = parser.parse_args()
    names = arguments.names.split(",")
    if unknown := set(names) - set(DEPLOYMENTS):
        parser.error(f"no such deployment: {', '.join(sorted(unknown))}; choose of {', '.join(DEPLOYMENTS)}")
    result = compare(arguments.documents.absolute(), names, stage=arguments.stage)
    print(json.dumps(result))
    sys.exit(0 if result["equal"] else 1)


if __name__ == "__main__":
    main()
