"""Takes readings from the broker and writes them into the database, in batches of one site."""

BATCH_SECONDS = 5
MAX_READINGS = 20_000
GAP_AFTER_INTERVALS = 3  # a gap is drawn when three readings in a row are missing


def write_batch(readings, store):
    """Write one batch; a reading that is there already is skipped, since gateways send their backlog twice."""
    seen = store.known(r.fingerprint for r in readings)
    fresh = [r for r in readings if r.fingerprint not in seen]
    store.insert(fresh[:MAX_READINGS])
    return len(fresh)


def is_gap(previous, reading, interval_s):
    """Whether the time between two readings is long enough to be shown as a gap."""
    return reading.at - previous.at > GAP_AFTER_INTERVALS * interval_s
