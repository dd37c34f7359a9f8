"""S3 and Redis over TLS under a private authority; and secrets that stand in files."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from resources.bucket import make_bucket
from resources.contracts import Change, TableSpec
from resources.errors import Misconfigured, Unavailable
from resources.kv import RedisKv
from resources.lake import S3Lake
from resources.settings import CHECKOUT, child_environment, secret
from resources.trust import trusted
from tests.conftest import MinioServer, RedisServer, program

SPEC = TableSpec("things", pa.schema([("doc_id", pa.string())]))
pytestmark = pytest.mark.services


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this run's own, one that signed nothing, and a certificate for 127.0.0.1."""

    folder: Path

    @property
    def ca(self) -> str:
        """The authority's PEM file."""
        return str(self.folder / "ca.pem")

    @property
    def other(self) -> str:
        """Another authority's."""
        return str(self.folder / "other.pem")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Made by openssl."""
    openssl, folder = str(program("openssl")), tmp_path_factory.mktemp("authority")
    new = [openssl, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    own = ["-x509", "-days", "2", "-addext", "basicConstraints=critical,CA:TRUE"]
    extensions = folder / "extensions"
    sign = [openssl, "x509", "-req", "-days", "2", "-extfile", str(extensions)]
    extensions.write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n", encoding="ascii")
    for command in (
        [*new, *own, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test authority"],
        [*new, *own, "-keyout", "other.key", "-out", "other.pem", "-subj", "/CN=Another authority"],
        [*new, "-keyout", "private.key", "-out", "request", "-subj", "/CN=127.0.0.1"],
        [*sign, "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "public.crt"],
    ):
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return Authority(folder)


class TlsMinio(MinioServer):
    """A MinIO that speaks TLS alone."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self._authority = authority

    def command(self) -> list[str]:
        """With the certificate of 127.0.0.1."""
        certificates = self.folder / "certs"
        certificates.mkdir(exist_ok=True)
        for name in ("public.crt", "private.key"):
            (certificates / name).write_bytes((self._authority.folder / name).read_bytes())
        return [*super().command(), "--certs-dir", str(certificates)]

    def ready(self) -> bool:
        """Whether it presents its certificate."""
        return speaks_tls(self.port, self._authority)


class TlsRedis(RedisServer):
    """A Redis that speaks TLS alone."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        self._authority = authority

    def command(self) -> list[str]:
        """The same settings, and the port moved to TLS."""
        command, place = super().command(), self._authority.folder
        settings = Path(command[-1])
        files = f"tls-cert-file {place / 'public.crt'}\ntls-key-file {place / 'private.key'}\n"
        more = f"port 0\ntls-port {self.port}\ntls-ca-cert-file {self._authority.ca}\ntls-auth-clients no\n"
        settings.write_text(settings.read_text(encoding="utf-8") + files + more, encoding="utf-8")
        return command

    def ready(self) -> bool:
        """Whether it presents its certificate."""
        return speaks_tls(self.port, self._authority)


@pytest.fixture
def minio(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a MinIO under the authority, with its credentials in the environment."""
    program("minio")
    with TlsMinio(tmp_path / "minio", authority) as server:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
        yield f"https://127.0.0.1:{server.port}"


def speaks_tls(port: int, authority: Authority) -> bool:
    """Whether a server presents a certificate of the authority."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
            ssl.create_default_context(cafile=authority.ca).wrap_socket(plain, server_hostname="127.0.0.1").close()
    except OSError:
        return False
    return True


def in_a_process(code: str, **settings: str) -> str:
    """Run code where no test before has trusted an authority; what it printed, or the last line of its error."""
    environment = {**child_environment(), "PYTHONPATH": str(CHECKOUT), **settings}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    return (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()[-1]


WORK = """
import sys, pyarrow as pa
from resources.contracts import Change, TableSpec
from resources.lake import S3Lake, open_lake
spec = TableSpec("things", pa.schema([("doc_id", pa.string())]))
lake = S3Lake(root="s3://kept/deep", endpoint=sys.argv[1], ca_file=sys.argv[2] if len(sys.argv) > 2 else None)
"""
COMMIT = """
from resources.bucket import make_bucket
make_bucket(lake, versioned=False)
lake.check()
for number in range(2):
    lake.commit(lake.snapshot(spec), Change(rows=pa.table({"doc_id": [str(number)]})))
lake = open_lake(lake.address())
print(lake.snapshot(spec).read().num_rows)
"""


def lake_code(then: str, *arguments: str) -> str:
    """A program that opens the lake and does something."""
    return f"import sys\nsys.argv[1:] = {list(arguments)!r}\n{WORK}\n{then}"


def test_objects_tables_and_the_bucket_work_under_a_private_authority(minio: str, authority: Authority) -> None:
    assert in_a_process(lake_code(COMMIT, minio, authority.ca)) == "2"


def test_a_store_whose_authority_is_unknown_or_another_is_refused_with_the_setting_that_mends_it(
    minio: str, authority: Authority
) -> None:
    for known in ([], [authority.other]):
        said = in_a_process(lake_code("lake.check()", minio, *known))
        assert "certificate not trusted" in said and "DATAALCHEMY_S3_CA_FILE" in said and "tester" not in said


def test_the_systems_own_authorities_stay_trusted_beside_a_private_one(authority: Authority, tmp_path: Path) -> None:
    code = f"""
import os, ssl, subprocess, sys
from resources.trust import trusted
before = len(ssl.create_default_context().get_ca_certs())
trusted({authority.ca!r})
place = os.environ["SSL_CERT_FILE"]
print(len(ssl.create_default_context().get_ca_certs()) - before, flush=True)
child = "import os; from resources.trust import trusted; trusted({authority.ca!r}); print(os.environ['SSL_CERT_FILE'])"
print(subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout.strip() == place)
"""
    environment = {**child_environment(), "PYTHONPATH": str(CHECKOUT), "TMPDIR": str(tmp_path)}
    environment["SSL_CERT_FILE"] = authority.other  # whoever has one of their own keeps it
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    more, inherited = done.stdout.splitlines()
    assert more == "1" and inherited == "True", done.stderr
    assert list(tmp_path.iterdir()) == [], "the bundle of a process that ended is gone"


@pytest.mark.parametrize("wrong", ["no certificate", None])
def test_a_certificate_file_that_is_none_is_refused_by_the_name_of_its_setting(
    tmp_path: Path, wrong: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if wrong is not None:
        path.write_text(wrong, encoding="ascii")
    with pytest.raises(Misconfigured, match="DATAALCHEMY_S3_CA_FILE"):
        trusted(str(path))


@pytest.fixture
def redis_url(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a Redis under the authority, with its password in the environment."""
    program("redis-server")
    with TlsRedis(tmp_path / "redis", authority) as server:
        monkeypatch.setenv("DATAALCHEMY_KV_PASSWORD", server.password)
        yield f"rediss://127.0.0.1:{server.port}/0"


def test_redis_works_over_tls_with_a_password_under_a_private_authority(redis_url: str, authority: Authority) -> None:
    store = RedisKv(url=f"{redis_url}?ssl_ca_certs={authority.ca}")
    store.check()
    store.set("key", b"value")
    assert store.get("key") == b"value"
    assert store.acquire("lease", owner="me", ttl_s=5) is not None


def test_redis_under_an_unknown_authority_is_refused_with_the_way_to_name_it(
    redis_url: str, authority: Authority
) -> None:
    for url in (redis_url, f"{redis_url}?ssl_ca_certs={authority.other}"):
        with pytest.raises(Unavailable, match=r"certificate not trusted.*ssl_ca_certs") as caught:
            RedisKv(url=url).check()
        assert os.environ["DATAALCHEMY_KV_PASSWORD"] not in str(caught.value)


def test_a_secret_may_stand_in_a_file_and_the_variable_itself_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "mounted"
    place.write_text("from a file\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY_FILE", str(place))
    assert secret("AWS_SECRET_ACCESS_KEY") == "from a file"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "direct")
    assert secret("AWS_SECRET_ACCESS_KEY") == "direct"
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    place.unlink()
    with pytest.raises(Misconfigured, match="AWS_SECRET_ACCESS_KEY_FILE"):
        secret("AWS_SECRET_ACCESS_KEY")


def test_a_lake_opens_with_credentials_from_files(
    minio_server: MinioServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", minio_server.access_key),
        ("AWS_SECRET_ACCESS_KEY", minio_server.secret_key),
    ):
        (tmp_path / name).write_text(value + "\n", encoding="utf-8")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    lake = S3Lake(root=f"s3://{minio_server.make_bucket()}/lake", endpoint=minio_server.endpoint)
    lake.commit(lake.snapshot(SPEC), Change(rows=pa.table({"doc_id": ["1"]})))
    assert lake.snapshot(SPEC).count() == 1
    assert make_bucket(lake, versioned=False) == "there already"
