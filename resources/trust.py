"""A private certificate authority that every TLS client of this process trusts besides the usual ones.

Delta readers take authorities from `SSL_CERT_FILE` alone, which names one file in place of the system's own. So the
two are put together in a file of this process, which its children inherit.
"""

from __future__ import annotations

import atexit
import os
import ssl
import tempfile
from functools import cache
from pathlib import Path

from resources.errors import Misconfigured
from resources.settings import export

CA_VARIABLE = "DATAALCHEMY_S3_CA_FILE"


@cache
def trusted(ca_file: str) -> str:
    """Trust the authorities in a PEM file from now on; returns its text. Raises Misconfigured where it holds none."""
    try:
        text = Path(ca_file).read_text(encoding="ascii")
        ssl.create_default_context(cadata=text)
    except (OSError, UnicodeDecodeError, ssl.SSLError):
        fix = f"Set {CA_VARIABLE} to a readable PEM file of the store's authority."
        raise Misconfigured(
            "The certificate file cannot be used", subject=f"{CA_VARIABLE}={ca_file}", fix=fix
        ) from None
    usual = ssl.get_default_verify_paths().cafile
    before = Path(usual).read_text(encoding="utf-8", errors="replace") if usual else ""
    if text not in before:
        handle, name = tempfile.mkstemp(prefix="dataalchemy-ca-", suffix=".pem")
        with os.fdopen(handle, "w", encoding="utf-8") as bundle:
            bundle.write(f"{before}\n{text}")
        atexit.register(_remove, name, os.getpid())
        export(SSL_CERT_FILE=name)
    return text


def _remove(name: str, owner: int) -> None:
    """A forked child runs this too, while the file is still its parent's."""
    if os.getpid() == owner:
        Path(name).unlink(missing_ok=True)
