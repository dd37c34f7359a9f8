"""The servers that other tests stand on are real, closed to strangers, and give each test a place of its own."""

from __future__ import annotations

import pytest
import redis
from minio import Minio
from minio.error import S3Error

from tests.conftest import MinioServer, RedisServer

pytestmark = pytest.mark.services


def client(server: MinioServer, secret_key: str) -> Minio:
    host = server.endpoint.removeprefix("http://")
    return Minio(endpoint=host, access_key=server.access_key, secret_key=secret_key, secure=False)


def test_minio_gives_each_test_an_empty_bucket(minio_server: MinioServer) -> None:
    first, second = minio_server.make_bucket(), minio_server.make_bucket()
    assert first != second
    assert list(client(minio_server, minio_server.secret_key).list_objects(first)) == []


def test_minio_refuses_a_wrong_secret(minio_server: MinioServer) -> None:
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        client(minio_server, "not-the-secret").list_buckets()


def test_redis_answers_with_the_password_alone(redis_server: RedisServer) -> None:
    assert redis.Redis.from_url(redis_server.url, password=redis_server.password).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(redis_server.url).ping()
