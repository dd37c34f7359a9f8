"""What belongs to an S3 server itself, not to the lake in it: its bucket, and whether the bucket keeps old versions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from resources.errors import DataAlchemyError, Misconfigured, Missing, Unavailable

if TYPE_CHECKING:
    from minio import Minio

    from resources.lake import S3Lake

TIMEOUT_S = 10
AWS = "https://s3.amazonaws.com"
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "XMinioAdminInvalidAccessKey"}
_NO_VERSIONS = {"VersioningNotConfigured", "NotImplemented"}


def make_bucket(lake: S3Lake, *, versioned: bool) -> str:
    """Make the lake's bucket, unless it is there, and set whether it keeps old versions; returns what was done.

    Versions hold what `forget` would remove, so they are off unless asked for. Where they are on they are suspended,
    not removed, when not asked for. Raises Unavailable, Missing (credentials refused or not set),
    Misconfigured (a server without versions).
    """
    from minio.commonconfig import ENABLED
    from minio.error import MinioException, S3Error
    from minio.versioningconfig import SUSPENDED, VersioningConfig
    from urllib3.exceptions import HTTPError

    client = _client(lake)
    try:
        made = not client.bucket_exists(lake.bucket)
        if made:
            client.make_bucket(lake.bucket, location=lake.region)
        status = client.get_bucket_versioning(lake.bucket).status
        if versioned and status != ENABLED:
            client.set_bucket_versioning(lake.bucket, VersioningConfig(ENABLED))
        elif not versioned and status == ENABLED:
            client.set_bucket_versioning(lake.bucket, VersioningConfig(SUSPENDED))
    except S3Error as error:
        raise _refusal(lake, str(error.code)) from None
    except (HTTPError, MinioException) as error:
        raise _away(lake, type(error).__name__) from None
    return "made" if made else "there already"


def _client(lake: S3Lake) -> Minio:
    import urllib3
    from minio import Minio

    address = urlsplit(lake.endpoint or AWS)
    key, secret_key = lake.credentials()
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=TIMEOUT_S, read=TIMEOUT_S),
        retries=urllib3.Retry(total=2, backoff_factor=0.2),
        ca_certs=lake.ca_file,
    )
    return Minio(
        endpoint=address.netloc,
        access_key=key,
        secret_key=secret_key,
        secure=address.scheme == "https",
        region=lake.region,
        http_client=pool,
    )


def _refusal(lake: S3Lake, code: str) -> DataAlchemyError:
    if code in _REFUSED:
        fix = f"Correct {lake.key_variable} and {lake.secret_variable}, or grant them the right to make buckets."
        return Missing("The S3 server refuses the credentials", subject=f"{lake.describe()} ({code})", fix=fix)
    if code in _NO_VERSIONS:
        fix = "Leave --versioned out, or switch versions on at the server."
        return Misconfigured("The S3 server keeps no versions", subject=f"{lake.describe()} ({code})", fix=fix)
    return _away(lake, code)


def _away(lake: S3Lake, reason: str) -> Unavailable:
    fix = "See that the server runs (`dataalchemy doctor`), then run the same command again."
    return Unavailable("The bucket cannot be made", subject=f"{lake.describe()} ({reason})", fix=fix)
