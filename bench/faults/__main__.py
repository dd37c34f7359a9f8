"""Print one JSON line a fault and store; exit 1 where one was not sound. Scratch goes to the temporary folder."""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import time

from bench import faults
from bench.faults.place import Place
from bench.faults.schedule import FAULTS
from resources.errors import Missing


def main() -> int:
    """Run the schedule: every fault by a draw of its own, so that `--only` gives the same moments as the whole."""
    parser = argparse.ArgumentParser(description=(faults.__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", choices=list(FAULTS), action="append", help="This fault; may be repeated.")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that the servers end, too
    sound = True
    with Place() as place:
        for name in arguments.only or FAULTS:
            began = time.monotonic()
            try:
                for outcome in FAULTS[name](place, arguments.rounds, random.Random(f"{arguments.seed} {name}")):
                    outcome.more["seconds"] = round(time.monotonic() - began, 1)
                    print(outcome.line(), flush=True)
                    sound &= outcome.sound
                    began = time.monotonic()
            except Missing as error:
                print(json.dumps({"fault": name, "left_out": str(error)}), flush=True)
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
