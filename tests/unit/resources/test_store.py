"""A store's errors in our words: the cause by a closed list, the mend for that cause, and nothing it quoted."""

from __future__ import annotations

import pytest
from deltalake.exceptions import DeltaError
from obstore.exceptions import GenericError

from resources.errors import Unavailable
from resources.store import MEND_STORE, Speaking, reason_of

QUOTED = "after 4 retries, max_retries: 4, retry_timeout: 20s"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (f"PUT http://h:9000/b/k in 5 ms - HTTP error, {QUOTED}, kind: ConnectionReset", "connection lost"),
        (f"{QUOTED}: operation timed out", "timed out"),
        (f"PUT http://h:40399/b/5034030/k, {QUOTED}, tcp connect error", "connection refused"),
        ("403 Forbidden: <Code>RequestTimeTooSkewed</Code>", "the clocks differ"),
        ("403 Forbidden: <Code>AccessDenied</Code>", "credentials refused"),
        ("507 Insufficient Storage: <Code>XMinioStorageFull</Code>", "no space left"),
        ("HTTP error: error sending request", "no answer"),
        (f"PUT http://h:40350/b/k, {QUOTED}", "GenericError"),
    ],
)
def test_a_reason_is_the_cause_and_not_what_the_error_quotes(said: str, reason: str) -> None:
    assert reason_of(GenericError(said)) == reason


@pytest.mark.parametrize(
    "error",
    [GenericError("tcp connect error"), DeltaError("tcp connect error"), OSError("Kernel error: tcp connect error")],
    ids=["obstore", "delta-rs", "delta-rs as an OSError"],
)
def test_an_error_of_either_library_names_the_store_and_the_mend(error: Exception) -> None:
    with pytest.raises(Unavailable) as caught, Speaking("s3://b/lake at http://h:9000", mend=MEND_STORE):
        raise error
    assert str(caught.value) == (
        f"The lake did not answer as it should: s3://b/lake at http://h:9000 (connection refused). {MEND_STORE}"
    )


@pytest.mark.parametrize(
    ("said", "mend"), [("XMinioStorageFull", "Make room"), ("RequestTimeTooSkewed", "Set the clock")]
)
def test_a_full_store_and_a_wrong_clock_have_mends_of_their_own(said: str, mend: str) -> None:
    with pytest.raises(Unavailable, match=mend), Speaking("s3://b/lake", mend=MEND_STORE):
        raise GenericError(said)
