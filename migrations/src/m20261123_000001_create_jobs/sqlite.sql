-- Times are text in one format, 2026-11-23T20:14:00.123Z, so that they compare in order. Ids are never reused.
CREATE TABLE jobs_job (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    priority INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    budget INTEGER NOT NULL,
    timeout_ms INTEGER,
    parameters TEXT NOT NULL,
    results TEXT,
    progress INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL,
    scheduled_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    worker_id INTEGER,
    cancel_requested_at TEXT,
    last_error TEXT,
    user_id TEXT,
    session_id TEXT,
    event_id TEXT,
    unique_key TEXT,
    unique_while INTEGER,
    nominal_at TEXT
);

CREATE INDEX jobs_job_waiting ON jobs_job (queue, priority, name, scheduled_at, id) WHERE status = 0;
CREATE INDEX jobs_job_running ON jobs_job (worker_id) WHERE status = 1;
CREATE INDEX jobs_job_closed ON jobs_job (status, finished_at) WHERE status >= 2;
CREATE INDEX jobs_job_user ON jobs_job (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX jobs_job_session ON jobs_job (session_id, id) WHERE session_id IS NOT NULL;
CREATE INDEX jobs_job_event ON jobs_job (event_id, id) WHERE event_id IS NOT NULL;

-- Numbered by the attempt that says them: what is written again, because the answer was lost, is there already.
CREATE TABLE jobs_message (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    version INTEGER NOT NULL,
    number INTEGER NOT NULL,
    level INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (job_id, version, number)
);

CREATE TABLE jobs_attempt (
    job_id INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    version INTEGER NOT NULL,
    worker TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT NOT NULL,
    how TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (job_id, attempt)
);

CREATE TABLE jobs_worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started_at TEXT NOT NULL,
    last_seen_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    serves TEXT NOT NULL,
    asleep TEXT,
    resumed_at TEXT
);

CREATE TABLE jobs_queue (
    name TEXT PRIMARY KEY NOT NULL,
    paused_at TEXT
);

CREATE TABLE jobs_unique (
    unique_key TEXT PRIMARY KEY NOT NULL,
    job_id INTEGER NOT NULL,
    version INTEGER,
    expires_at TEXT
) WITHOUT ROWID;
CREATE INDEX jobs_unique_left ON jobs_unique (expires_at) WHERE version IS NULL;

CREATE TABLE jobs_cron (
    name TEXT PRIMARY KEY NOT NULL,
    job TEXT NOT NULL,
    expression TEXT NOT NULL,
    timezone TEXT NOT NULL,
    parameters TEXT NOT NULL,
    options TEXT NOT NULL,
    missed TEXT NOT NULL,
    source TEXT NOT NULL,
    paused_at TEXT,
    next_at TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX jobs_cron_due ON jobs_cron (next_at) WHERE paused_at IS NULL;

CREATE TABLE jobs_cron_firing (
    schedule TEXT NOT NULL,
    nominal_at TEXT NOT NULL,
    job_id INTEGER,
    fired_at TEXT NOT NULL,
    PRIMARY KEY (schedule, nominal_at)
);
