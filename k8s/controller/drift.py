"""Whether an object of the cluster still is what was asked for. The cluster adds fields; those are not looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from k8s.controller.stack import CONTENT_ANNOTATION, Manifest

_SUFFIX: Mapping[str, Decimal | int] = {
    "": 1,
    "m": Decimal("0.001"),
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
}
_BINARY: Mapping[str, Decimal | int] = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50}
_QUANTITY = re.compile(r"^([0-9]+(?:\.[0-9]+)?)(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$")
_NAMED = {
    **dict.fromkeys(("containers", "initContainers", "env", "volumes", "ports"), "name"),
    "volumeMounts": "mountPath",
    "ownerReferences": "uid",
}
"""Lists that server-side apply joins by a key: what somebody adds there stays. Every other list is ours as a whole."""


def quantity(text: str) -> Decimal:
    """The amount that `500m`, `2` or `20Gi` stand for. Raises ValueError."""
    found = _QUANTITY.match(text)
    if found is None:
        raise ValueError(f"{text!r} is no amount; write 500m, 2 or 20Gi")
    return Decimal(found[1]) * Decimal({**_SUFFIX, **_BINARY}[found[2] or ""])


def needs_apply(wanted: Manifest, observed: Mapping[str, Any] | None) -> bool:
    """Missing, made from another content, or changed by somebody since."""
    if observed is None:
        return True
    made_from = (observed["metadata"].get("annotations") or {}).get(CONTENT_ANNOTATION)
    return made_from != wanted["metadata"]["annotations"][CONTENT_ANNOTATION] or differs(wanted, observed)


def differs(wanted: Any, observed: Any, *, name: str = "") -> bool:
    """Whether something that was asked for is not so. What nobody asked for may be there. ``name``: the field's."""
    if isinstance(wanted, Mapping):
        if not isinstance(observed, Mapping):
            return bool(wanted)  # the cluster drops what is empty
        return any(differs(value, observed.get(key), name=key) for key, value in wanted.items())
    if isinstance(wanted, list):
        return _lists_differ(wanted, observed if isinstance(observed, Sequence) else [], key=_NAMED.get(name))
    if isinstance(wanted, str) and isinstance(observed, str) and wanted != observed:
        return _amount(wanted) is None or _amount(wanted) != _amount(observed)
    if wanted in (False, "", None) and observed is None:
        return False
    return bool(wanted != observed)


def _lists_differ(wanted: Sequence[Any], observed: Sequence[Any], *, key: str | None) -> bool:
    if key is None or not all(isinstance(one, Mapping) and key in one for one in wanted):
        return len(wanted) != len(observed) or any(map(differs, wanted, observed))
    there = {one.get(key): one for one in observed if isinstance(one, Mapping)}
    return any(differs(one, there.get(one[key])) for one in wanted)


def _amount(text: str) -> Decimal | None:
    return quantity(text) if _QUANTITY.match(text) else None
