"""Errors that name the thing and the way to mend it.

DataAlchemyError > {Misconfigured, Unavailable (retry), Conflict (retry), Damaged, NotFound, Missing}
"""


class DataAlchemyError(Exception):
    """What went wrong, on which thing, and what to do; never the text of a document or a secret's value."""

    retryable = False

    def __init__(self, what: str, *, subject: str, fix: str) -> None:
        super().__init__(f"{what}: {subject}. {fix}")
        self.what, self.subject, self.fix = what, subject, fix

    def __reduce__(self) -> tuple[object, ...]:
        """Errors cross process borders (pools, Spark), and keyword-only arguments do not pickle by themselves."""
        return (_rebuild, (type(self), self.what, self.subject, self.fix))


def _rebuild(kind: type[DataAlchemyError], what: str, subject: str, fix: str) -> DataAlchemyError:
    return kind(what, subject=subject, fix=fix)


class Misconfigured(DataAlchemyError):
    """A setting or an argument is wrong: exit code 2."""


class Missing(DataAlchemyError):
    """Something that this machine needs is not there (Java, a package, a model, a device): exit code 3."""


class Unavailable(DataAlchemyError):
    """A service did not answer, or asked us to wait: another attempt may succeed. Exit code 3."""

    retryable = True


class Conflict(DataAlchemyError):
    """Another writer was first; read again and decide anew."""

    retryable = True


class Damaged(DataAlchemyError):
    """Bytes are there but cannot be trusted: an empty log file, a wrong digest."""


class NotFound(DataAlchemyError):
    """No object or table under this key."""
