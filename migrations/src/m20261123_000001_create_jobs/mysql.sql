-- A change of tables can't be rolled back here: what a migration that was cut off has made is found by the next one.
-- Text compares byte by byte, as on the other databases. Times are UTC, always written as UTC_TIMESTAMP(6).
CREATE TABLE IF NOT EXISTS jobs_job (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    queue VARCHAR(200) NOT NULL,
    priority SMALLINT NOT NULL DEFAULT 0,
    status SMALLINT NOT NULL DEFAULT 0,
    version BIGINT NOT NULL DEFAULT 0,
    attempt INT NOT NULL DEFAULT 0,
    max_attempts INT NOT NULL,
    budget INT NOT NULL,
    timeout_ms BIGINT,
    parameters JSON NOT NULL,
    results JSON,
    progress SMALLINT NOT NULL DEFAULT 0,
    created_at DATETIME(6) NOT NULL,
    scheduled_at DATETIME(6) NOT NULL,
    started_at DATETIME(6),
    finished_at DATETIME(6),
    worker_id BIGINT,
    cancel_requested_at DATETIME(6),
    last_error LONGTEXT,
    user_id VARCHAR(200),
    session_id VARCHAR(200),
    event_id VARCHAR(200),
    unique_key VARCHAR(64),
    unique_while SMALLINT,
    nominal_at DATETIME(6),
    -- There are no partial indexes here: the status leads instead.
    KEY jobs_job_waiting (status, queue, priority, name, scheduled_at, id),
    KEY jobs_job_running (status, worker_id),
    KEY jobs_job_closed (status, finished_at),
    KEY jobs_job_user (user_id, id),
    KEY jobs_job_session (session_id, id),
    KEY jobs_job_event (event_id, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Numbered by the attempt that says them: what is written again, because the answer was lost, is there already.
CREATE TABLE IF NOT EXISTS jobs_message (
    job_id BIGINT NOT NULL,
    attempt INT NOT NULL,
    version BIGINT NOT NULL,
    number BIGINT NOT NULL,
    level SMALLINT NOT NULL,
    created_at DATETIME(6) NOT NULL,
    text LONGTEXT NOT NULL,
    PRIMARY KEY (job_id, version, number)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_attempt (
    job_id BIGINT NOT NULL,
    attempt INT NOT NULL,
    version BIGINT NOT NULL,
    worker VARCHAR(200) NOT NULL,
    started_at DATETIME(6),
    ended_at DATETIME(6) NOT NULL,
    how VARCHAR(20) NOT NULL,
    error LONGTEXT,
    PRIMARY KEY (job_id, attempt)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_worker (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(200) NOT NULL,
    host VARCHAR(200) NOT NULL,
    pid BIGINT NOT NULL,
    started_at DATETIME(6) NOT NULL,
    last_seen_at DATETIME(6) NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    serves JSON NOT NULL,
    asleep JSON,
    resumed_at DATETIME(6)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_queue (
    name VARCHAR(200) NOT NULL PRIMARY KEY,
    paused_at DATETIME(6)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_unique (
    unique_key VARCHAR(64) NOT NULL PRIMARY KEY,
    job_id BIGINT NOT NULL,
    version BIGINT,
    expires_at DATETIME(6),
    KEY jobs_unique_left (version, expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_cron (
    name VARCHAR(200) NOT NULL PRIMARY KEY,
    job VARCHAR(200) NOT NULL,
    expression VARCHAR(200) NOT NULL,
    timezone VARCHAR(100) NOT NULL,
    parameters JSON NOT NULL,
    options JSON NOT NULL,
    missed VARCHAR(20) NOT NULL,
    source VARCHAR(20) NOT NULL,
    paused_at DATETIME(6),
    next_at DATETIME(6),
    created_at DATETIME(6) NOT NULL,
    KEY jobs_cron_due (paused_at, next_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS jobs_cron_firing (
    schedule VARCHAR(200) NOT NULL,
    nominal_at DATETIME(6) NOT NULL,
    job_id BIGINT,
    fired_at DATETIME(6) NOT NULL,
    PRIMARY KEY (schedule, nominal_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
