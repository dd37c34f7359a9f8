-- Readings of Skua. One partition a month; partitions older than 27 months are moved to the archive.
CREATE TABLE reading (
    site_id     integer     NOT NULL,
    logger_id   bigint      NOT NULL,  -- e.g. 20260211887
    taken_at    timestamptz NOT NULL,
    celsius     numeric(6,3),          -- NULL is a gap
    reason      text        CHECK (reason IN ('probe_missing', 'out_of_range', 'battery')),
    PRIMARY KEY (site_id, logger_id, taken_at)
) PARTITION BY RANGE (taken_at);
CREATE INDEX reading_by_logger ON reading (logger_id, taken_at DESC);
