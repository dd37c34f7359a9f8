"""The one boundary where errors of the work become Dagster failures, with what, on which thing, and how to mend it."""

import functools
from collections.abc import Callable
from typing import TypeVar

import dagster as dg

from resources.errors import DataAlchemyError

Body = TypeVar("Body", bound=Callable[..., object])


def explained(body: Body) -> Body:
    """Let an asset fail with the error's own words; a retry is allowed only where it can help."""

    @functools.wraps(body)
    def inner(*args: object, **kwargs: object) -> object:
        try:
            return body(*args, **kwargs)
        except DataAlchemyError as error:
            raise dg.Failure(
                description=str(error),
                metadata={"kind": type(error).__name__, "what": error.what, "subject": error.subject, "fix": error.fix},
                allow_retries=error.retryable,
            ) from None

    return inner  # type: ignore[return-value]
