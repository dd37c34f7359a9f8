"""The one boundary where errors of the work become Dagster failures, with what, on which thing, and how to mend it."""

import functools
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import dagster as dg

from resources.errors import DataAlchemyError

Body = TypeVar("Body", bound=Callable[..., object])


def explained(body: Body) -> Body:
    """Let an asset fail with the error's own words; a retry is allowed only where it can help.

    Of an error that nobody foresaw only its class and place are told, since its message may quote a document.
    """

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
        except Exception as error:  # noqa: BLE001 - the boundary: it is told on, without its message
            frames = traceback.extract_tb(error.__traceback__)
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
            said = {"what": "Something failed that should not", "subject": f"{type(error).__name__} at {place}"}
            fix = "Report it with this line; what was committed stands, and the same command continues."
            raise dg.Failure(
                description=f"{said['what']}: {said['subject']}",
                metadata={"kind": "DataAlchemyError", **said, "fix": fix},
                allow_retries=False,
            ) from None

    return inner  # type: ignore[return-value]
