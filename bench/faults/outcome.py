"""What a fault did, as one JSON line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Outcome:
    """Counts over all rounds of one fault on one store.

    ``hit``: rounds in which the fault struck work that was going on. ``acknowledged``: writes that were told done.
    ``lost`` and ``doubled``: rows of them that were missing, or there more than once. ``reopened``: rounds after
    which every table opened and its log was whole. ``digests_equal``: rounds after which every table's content digest
    was that of an undisturbed run.
    """

    fault: str
    store: str
    rounds: int = 0
    hit: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    reopened: int = 0
    digests_equal: int | None = None
    more: dict[str, Any] = field(default_factory=dict)

    def count_rows(self, ids: Sequence[str], expected: Sequence[str]) -> None:
        """Add what is missing and what is double in ``ids``, which ought to be ``expected``."""
        held = Counter(ids)
        self.lost += sum(1 for one in expected if not held[one])
        self.doubled += sum(count - 1 for count in held.values() if count > 1) + len(set(ids) - set(expected))

    @property
    def sound(self) -> bool:
        """Whether the fault hit, nothing was lost, doubled, closed or changed, and each error named its cause."""
        whole = self.reopened == self.rounds and self.digests_equal in (None, self.rounds)
        clear = not self.more.get("unclear")
        return bool(self.rounds and self.hit) and whole and clear and not self.lost and not self.doubled

    def line(self) -> str:
        """One JSON object."""
        fields = asdict(self)
        more = fields.pop("more")
        return json.dumps({**fields, **more, "sound": self.sound})
