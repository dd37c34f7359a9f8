"""Where alerts go: a file of JSON lines, or a webhook with that file behind it. Never the text of a document."""

from __future__ import annotations

import fcntl
import http.client
import json
import logging
import os
import urllib.error
import urllib.request
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from resources.contracts import Alert
from resources.errors import Unavailable
from resources.settings import secret

MAX_FILE_BYTES = 1024 * 1024
MAX_FIELD_CHARS = 2000
TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class FileNotify(dg.ConfigurableResource[Any]):
    """One JSON object a line, flushed to disk. At 1 MB the file becomes ``<path>.1`` and a new one begins."""

    path: str

    def describe(self) -> str:
        """Where alerts go, for people."""
        return f"the file {self.path}"

    def send(self, alert: Alert) -> None:
        """Append an alert. Raises Unavailable when the file can't be written."""
        append(Path(self.path), _shortened(alert))


class WebhookNotify(dg.ConfigurableResource[Any]):
    """POSTs each alert as JSON; its ``text`` is what Slack, Teams and Mattermost show.

    The address is a secret: ``url_variable`` names its variable, read at use. What the webhook does not take goes to
    ``path`` with a word why, and to the log.
    """

    url_variable: str
    path: str

    def describe(self) -> str:
        """Where alerts go, for people; never the address."""
        return f"the webhook in {self.url_variable}, else the file {self.path}"

    def send(self, alert: Alert) -> None:
        """Deliver an alert, or write it down. Never raises: an alert must not fail the work that it tells of."""
        fields = _shortened(alert)
        reason = self._refusal(fields)
        if reason is None:
            return
        reason = f"webhook in {self.url_variable}: {reason}"
        try:
            append(Path(self.path), {**fields, "undelivered": reason})
            _log.warning("An alert was not delivered (%s); it is in %s", reason, self.path)
        except Unavailable as error:
            _log.error("An alert is lost (%s; %s): %r", reason, error, fields["title"])

    def _refusal(self, fields: dict[str, str]) -> str | None:
        """Why the webhook did not take the alert, without its address; None when it did."""
        url = secret(self.url_variable)
        if not url:
            return "not set"
        if not url.startswith(("https://", "http://")):
            return "not an http address"
        lines = (fields["title"], fields["detail"], fields["fix"], fields["link"])
        body = json.dumps({"text": "\n".join(filter(None, lines)), **fields}).encode()
        try:
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S):
                return None
        except urllib.error.HTTPError as error:
            error.close()
            return f"answered {error.code}"
        except (OSError, http.client.HTTPException, ValueError) as error:
            return type(error).__name__


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would turn the POST into a GET that delivers nothing; it ends as an error instead."""

    def redirect_request(self, *_: Any) -> None:
        return None


def append(path: Path, fields: dict[str, str]) -> None:
    """Write one JSON line with the time, whole and on disk, among any number of writers. Raises Unavailable."""
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), **fields}) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # the folder, since the file is replaced when it is full
            if path.exists() and path.stat().st_size + len(line) > MAX_FILE_BYTES:
                path.replace(f"{path}.1")
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable(
            "An alert cannot be written",
            subject=f"{path} ({type(error).__name__})",
            fix="Set DATAALCHEMY_ALERT_FILE to a writable file on a disk with space.",
        ) from None


def _shortened(alert: Alert) -> dict[str, str]:
    return {name: value[:MAX_FIELD_CHARS] for name, value in asdict(alert).items()}
