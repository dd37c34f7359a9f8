"""Errors of the work on documents, all with what, subject and fix.

DataAlchemyError > SourceError > {SourceUnavailable (retry), SourceRefused}
DataAlchemyError > {LostDocuments, WrongInput}
"""

from resources.errors import DataAlchemyError


class SourceError(DataAlchemyError):
    """A source could not be read."""


class SourceUnavailable(SourceError):
    """The source did not answer, or asked us to wait: another attempt may succeed."""

    retryable = True


class SourceRefused(SourceError):
    """The source said no, and will say no again."""


class WrongInput(DataAlchemyError):
    """What the user gave cannot be used: exit code 2."""


class LostDocuments(DataAlchemyError):
    """A stage's outcomes do not add up to what came in."""
