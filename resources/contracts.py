"""What every deployment offers, as Protocols, and the plain values that cross them. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TableSpec:
    """A table's name and shape.

    ``outside_digest`` names the columns that say when and by which run a row was made, not what it holds.
    ``private`` tables hold text from before redaction and live under ``private/``.
    """

    name: str
    schema: pa.Schema
    outside_digest: frozenset[str] = frozenset()
    private: bool = False


@dataclass(frozen=True)
class TableFile:
    """One Parquet file of a table: its key under the lake's root, its rows, its size."""

    key: str
    rows: int
    size_bytes: int


@dataclass(frozen=True)
class Change:
    """What one commit does to a table: rows of ``replaces`` (by doc_id) go, new rows come, at once.

    New rows are given as an Arrow table, or as files that workers already wrote under ``Lake.staging``.
    """

    rows: pa.Table | None = None
    files: Sequence[TableFile] = ()
    replaces: frozenset[str] = frozenset()


class Snapshot(Protocol):
    """One version of one table, opened once; a commit is decided and made against the same snapshot."""

    spec: TableSpec
    version: int
    """Delta version, or -1 where the table does not exist yet."""

    def read(self, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows, in no particular order; an empty table of the right schema where there is none."""
        ...

    def files(self) -> list[TableFile]:
        """The live Parquet files, to be read with ``Lake.read_file``."""
        ...

    def count(self) -> int:
        """How many rows; from the log alone."""
        ...

    def cursor(self, app: str) -> int:
        """The last number committed for ``app`` in this snapshot, or 0."""
        ...


class Lake(Protocol):
    """Tables and objects under one root, the same on a directory and on an object store."""

    def describe(self) -> str:
        """Where the lake is, for people; never a credential."""
        ...

    def address(self) -> str:
        """What a worker needs to open the same lake; secrets by the name of their variable."""
        ...

    def check(self) -> None:
        """Raises Unavailable or Missing when the lake can't be used now. Cost: one small write and one delete."""
        ...

    def put(self, key: str, body: bytes) -> None:
        """Write an object whose key is made from its content; writing it twice is the same as once."""
        ...

    def create(self, key: str, body: bytes) -> bool:
        """Write ``key`` if nobody has; False when another writer was first. A lost reply is resolved, not guessed."""
        ...

    def get(self, key: str) -> bytes:
        """The object's bytes. Raises NotFound."""
        ...

    def listing(self, prefix: str) -> Iterator[str]:
        """Every key that starts with the folder ``prefix``, sorted."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; one that is gone already is no error."""
        ...

    def snapshot(self, spec: TableSpec) -> Snapshot:
        """Open a table at its newest version. Raises Damaged when its log cannot be trusted."""
        ...

    def commit(self, base: Snapshot, change: Change, *, cursors: Mapping[str, int] | None = None) -> int:
        """Make the change on top of ``base`` in one atomic commit; return the new version.

        Raises Conflict when another commit came first (read anew and decide again), Unavailable, Damaged.
        """
        ...

    def read_log(self, spec: TableSpec) -> int:
        """Read every entry of a table's log; return how many there are. Raises Damaged at one that is not whole."""
        ...

    def repair(self, spec: TableSpec) -> list[str]:
        """Move the damaged tail of a table's log aside; return the names moved. The last durable version stands."""
        ...

    def staging(self, spec: TableSpec) -> str:
        """The folder under which a worker writes Parquet files of this table before they are committed."""
        ...

    def write_file(self, key: str, rows: pa.Table) -> TableFile:
        """Write one Parquet file that a later commit takes in."""
        ...

    def read_file(self, key: str, columns: Sequence[str] | None = None) -> pa.Table:
        """Read one Parquet file of a table."""
        ...


class Kv(Protocol):
    """A small, fast, forgettable store: cache, leases, rate limits, progress. Anything in it may vanish at any time."""

    def describe(self) -> str:
        """Where it is, for people; never a password."""
        ...

    def check(self) -> None:
        """Raises Unavailable, Misconfigured or Damaged when the store can't be written."""
        ...

    def get(self, key: str) -> bytes | None:
        """The value of a key, or None where it is absent or expired."""
        ...

    def set(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Write a value, in place of any other, for ``ttl_s`` seconds or for good."""
        ...

    def set_if_absent(self, key: str, value: bytes, *, ttl_s: float | None = None) -> bool:
        """Write a value unless the key has one; True for the one caller that wrote it."""
        ...

    def increment(self, key: str, *, ttl_s: float | None = None) -> int:
        """Count up from 0; ``ttl_s`` runs from the first count."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key; one that is gone already is no error."""
        ...

    def scan(self, prefix: str) -> list[str]:
        """Every key that starts with ``prefix``, sorted."""
        ...

    def acquire(self, name: str, *, owner: str, ttl_s: float) -> int | None:
        """A lease: a fencing token that grows with every holder, or None while another holds it."""
        ...

    def release(self, name: str, *, owner: str) -> bool:
        """Give the lease back; False when it had passed to another already."""
        ...


class Progress(Protocol):
    """Where work says how far it is. Numbers and names only."""

    def step(self, stage: str, done: int, total: int | None, *, unit: str = "documents", note: str = "") -> None:
        """``done`` of ``total`` units of a stage are through; None where the total is not known yet."""
        ...


class BatchEngine(Protocol):
    """Runs one function over many parts, in processes or on Spark; only names and counts cross."""

    def describe(self) -> str:
        """What works here, for people; never a credential."""
        ...

    def map(self, function: str, parts: Sequence[str], *, lake: Lake, on_result: Callable[[str], None]) -> None:
        """Call ``module:function(lake, part)`` once for each part and hand each result on as it comes.

        Parts and results are JSON texts. Workers open the lake by its address, so no credential is shipped to them.
        The first error ends the work and is raised as it was.
        """
        ...

    def close(self) -> None:
        """Give back processes and connections; closing twice is no error."""
        ...


@dataclass(frozen=True)
class Generated:
    """A continuation, and whether the model ended it by itself."""

    text: str
    stopped: bool
    tokens: int


@dataclass(frozen=True)
class Score:
    """Negative log-likelihood of a completion, in nats summed over its tokens."""

    nll: float
    tokens: int


class Llm(Protocol):
    """A chat model and an embedder, in a process of their own or behind an OpenAI-compatible address.

    ``prompt`` is the content of one user message; the model's chat template is applied on the other side.
    ``adapter`` is the digest of an adapter in the lake (``objects/adapters/<digest>/``), or None for the base.
    """

    def describe(self) -> str:
        """What works here, for people; never a credential."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) unit-length vectors, in the order of the texts."""
        ...

    def generate(
        self, prompts: Sequence[str], *, adapter: str | None = None, max_new_tokens: int = 96
    ) -> list[Generated]:
        """Greedy continuations, in the order of the prompts."""
        ...

    def score(self, pairs: Sequence[tuple[str, str]], *, adapter: str | None = None) -> list[Score]:
        """How well the model predicts each (prompt, completion), in order."""
        ...

    def close(self) -> None:
        """Give back processes and connections; closing twice is no error."""
        ...


class Trainer(Protocol):
    """Trains in a process, container or Job of its own. The spec and the result live in the lake."""

    def describe(self) -> str:
        """What works here, for people; never a credential."""
        ...

    def train(self, spec_key: str, *, progress: Progress) -> Mapping[str, Any]:
        """Run the training that the object ``spec_key`` describes, or find it done; return its result manifest."""
        ...


@dataclass(frozen=True)
class Alert:
    """Something a person should know: a title, one line of detail, what to do next, a link."""

    title: str
    detail: str
    fix: str
    link: str = ""


class Notify(Protocol):
    """Where alerts go."""

    def describe(self) -> str:
        """What works here, for people; never a credential."""
        ...

    def send(self, alert: Alert) -> None:
        """Hand an alert on. Raises Unavailable where nobody takes it."""
        ...
