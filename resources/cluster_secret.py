"""Credentials on their way into a cluster's Secret: an allow-list of keys, over stdin, never shown."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from resources.env_file import unread
from resources.errors import Misconfigured, Unavailable
from resources.kubectl import Kubectl
from resources.settings import secret

KEYS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "DATAALCHEMY_KV_PASSWORD",
    "DATAALCHEMY_POSTGRES_PASSWORD",
    "DATAALCHEMY_ALERT_WEBHOOK",
)
"""All that ever enters a cluster. A path, a deployment or DAGSTER_HOME of this machine would be wrong there."""
POSTGRES = "DATAALCHEMY_POSTGRES_PASSWORD"


def local_values(env_file: Path) -> dict[str, str]:
    """The keys that the environment or `.env` gives a value. Raises Misconfigured, naming a key and never its value."""
    if broken := unread(env_file, KEYS):
        fix = "Mend its line in .env: quotes must end, and nothing but a comment may follow them."
        raise Misconfigured("A line of .env is no setting", subject=", ".join(broken), fix=fix)
    found = {key: value for key in KEYS if (value := secret(key))}
    for key, value in found.items():
        if "\0" in value:
            fix = "A pod can't be given it as a variable; choose another."
            raise Misconfigured("A value has a NUL character", subject=key, fix=fix)
    return found


@dataclass(frozen=True)
class Written:
    """Names of the keys that the Secret got or that changed, and of those that were left as they were on purpose."""

    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


def inject(kubectl: Kubectl, name: str, values: Mapping[str, str], *, keep: tuple[str, ...] = ()) -> Written:
    """Give the Secret these values. What it has besides stays, and of ``keep`` what it has already.

    Raises Unavailable, without what the cluster said of a value.
    """
    there = kubectl.get("secret", name)
    held = (there or {}).get("data") or {}
    differs = [key for key, value in values.items() if _decoded(held.get(key, "")) != value]
    kept = tuple(key for key in differs if key in keep and held.get(key))
    changed = tuple(key for key in differs if key not in kept)
    if not changed:
        return Written((), kept)
    data = {key: base64.b64encode(values[key].encode()).decode() for key in changed}
    try:
        if there is None:
            kubectl.create(_manifest(name, kubectl.namespace, data))
        else:
            kubectl.patch("secret", name, {"data": data})
    except Unavailable:
        fix = f"`kubectl auth can-i patch secret/{name} --namespace {kubectl.namespace}` tells whether you may."
        raise Unavailable("The Secret cannot be written", subject=name, fix=fix) from None
    return Written(changed, kept)


def _manifest(name: str, namespace: str, data: Mapping[str, str]) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "dataalchemy"}},
        "type": "Opaque",
        "data": dict(data),
    }


def _decoded(value: str) -> str | None:
    try:
        return base64.b64decode(value).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None  # somebody's binary value, which none of ours can equal
