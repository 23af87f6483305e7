Dialect {
    backend: MySql,
    clock: "UTC_TIMESTAMP(6)",
    notify: None,
    notify_all: None,
    row_locks: true,
    locks_gaps: true,
    insert: Values {
        into: "INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while) VALUES ",
        row: "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), COALESCE(CAST(? AS DATETIME(6)), UTC_TIMESTAMP(6) + INTERVAL COALESCE(?, 0) * 1000 MICROSECOND), ?, ?, ?, ?, ?, ?)",
        due_now: Some(
            "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?)",
        ),
        if_committed: Some(
            (
                "UTC_TIMESTAMP(6)",
                "IF(@@autocommit, UTC_TIMESTAMP(6), NULL)",
            ),
        ),
        id_step: "SELECT CAST(@@auto_increment_increment AS SIGNED)",
        chunks: [
            1024,
            512,
            256,
            128,
            64,
            32,
            16,
            8,
            4,
            2,
            1,
        ],
    },
    claim: Steps {
        groups: "SELECT priority, name
            FROM (
            SELECT priority, name, MIN(scheduled_at) AS first_due
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = ? AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
            WHERE first_due <= UTC_TIMESTAMP(6) AND name IN
            (SELECT known COLLATE utf8mb4_bin
            FROM JSON_TABLE(?, '$[*]' COLUMNS (known VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$')) AS names) AND name NOT IN
            (SELECT job_name
            FROM jobs_limit_use)
            ORDER BY priority, name",
        lock: "SELECT id, name, priority, version, attempt, max_attempts, budget, timeout_ms, CAST(parameters AS CHAR), created_at, scheduled_at, user_id, session_id, event_id, limit_key, UTC_TIMESTAMP(6) AS started_at, nominal_at, attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL) AS may_wait
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key = '-' AND scheduled_at >= COALESCE(?, '1000-01-01') AND scheduled_at <= UTC_TIMESTAMP(6) AND NOT EXISTS
            (SELECT 1
            FROM jobs_limit_use
            WHERE job_name = jobs_job.name)
            ORDER BY scheduled_at, id LIMIT ? FOR
            UPDATE SKIP LOCKED",
        own: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (claimed BIGINT PATH '$')) AS c STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = c.claimed STRAIGHT_JOIN
            (SELECT id
            FROM jobs_worker FORCE INDEX (PRIMARY)
            WHERE id = ? LIMIT 1) AS claimer
            SET version = version + 1, attempt = attempt + 1, worker_id = claimer.id, started_at = UTC_TIMESTAMP(6), progress = 0, results = NULL, status = 1",
        turn: Turn {
            take: "SELECT COALESCE(GET_LOCK(SHA2(CONCAT(DATABASE(), '.jobs.', ?), 224), 1), 0) = 1 AS is_ours",
            end: "DO RELEASE_LOCK(SHA2(CONCAT(DATABASE(), '.jobs.', ?), 224))",
        },
    },
    limited: Limited {
        groups: "SELECT priority, name
            FROM
            (SELECT priority, name
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = ? GROUP BY status, queue, priority, name) AS waiting
            WHERE name IN
            (SELECT known COLLATE utf8mb4_bin
            FROM JSON_TABLE(?, '$[*]' COLUMNS (known VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$')) AS names) AND name IN
            (SELECT job_name
            FROM jobs_limit_use)",
        with_keys: "SELECT DISTINCT name
            FROM
            (SELECT priority, name, MIN(limit_key) AS first_key, MAX(limit_key) AS last_key
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = ? GROUP BY status, queue, priority, name) AS waiting
            WHERE (first_key <> '-' OR last_key <> '-') AND name IN
            (SELECT known COLLATE utf8mb4_bin
            FROM JSON_TABLE(?, '$[*]' COLUMNS (known VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$')) AS names) AND name NOT IN
            (SELECT job_name
            FROM jobs_limit_use)",
        places: Each {
            from: "SELECT limit_key, CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), scheduled_at) / 1000) AS SIGNED) AS wait_ms, scheduled_at
                FROM jobs_job FORCE INDEX (jobs_job_waiting)
                WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key >= ?
                ORDER BY limit_key, scheduled_at, id LIMIT 1",
            after: "SELECT limit_key, CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), scheduled_at) / 1000) AS SIGNED) AS wait_ms, scheduled_at
                FROM jobs_job FORCE INDEX (jobs_job_waiting)
                WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key > ?
                ORDER BY limit_key, scheduled_at, id LIMIT 1",
        },
        heads: "SELECT ordinal, CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), first_due) / 1000) AS SIGNED) AS wait_ms, first_due AS scheduled_at
            FROM
            (SELECT asked.ordinal,
            (SELECT scheduled_at
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = place.queue COLLATE utf8mb4_bin AND priority = asked.priority AND name = asked.name COLLATE utf8mb4_bin AND limit_key = asked.limit_key COLLATE utf8mb4_bin
            ORDER BY status, queue, priority, name, limit_key, scheduled_at, id LIMIT 1) AS first_due
            FROM
            (SELECT CONVERT(? USING utf8mb4) AS queue) AS place, JSON_TABLE(?, '$[*]' COLUMNS (ordinal BIGINT PATH '$.ordinal', priority SMALLINT PATH '$.priority', name VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.name', limit_key VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.limit_key')) AS asked LIMIT 1000000) AS heads
            WHERE first_due IS NOT NULL",
        best_unlimited: "SELECT priority, first_due AS scheduled_at
            FROM
            (SELECT priority, name, MIN(scheduled_at) AS first_due
            FROM jobs_job FORCE INDEX (jobs_job_waiting)
            WHERE status = 0 AND queue = ? AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
            WHERE first_due <= UTC_TIMESTAMP(6) AND name IN
            (SELECT known COLLATE utf8mb4_bin
            FROM JSON_TABLE(?, '$[*]' COLUMNS (known VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$')) AS names) AND name NOT IN
            (SELECT job_name
            FROM jobs_limit_use)
            ORDER BY priority, first_due LIMIT 1",
        rooms: "SELECT asked.ordinal, limits.counted_by, CAST(CASE WHEN asked.limit_key IS NULL AND limits.running IS NOT NULL THEN limits.running -
            (SELECT COUNT(*)
            FROM jobs_limit_use AS used FORCE INDEX (PRIMARY) STRAIGHT_JOIN jobs_job FORCE INDEX (jobs_job_running) ON jobs_job.status = 1 AND jobs_job.name = used.job_name AND jobs_job.limit_key <> '-'
            WHERE used.scope = limits.scope) WHEN asked.limit_key IS NOT NULL AND limits.running_each IS NOT NULL THEN limits.running_each -
            (SELECT COUNT(*)
            FROM jobs_limit_use AS used FORCE INDEX (PRIMARY) STRAIGHT_JOIN jobs_job FORCE INDEX (jobs_job_running) ON jobs_job.status = 1 AND jobs_job.name = used.job_name AND jobs_job.limit_key = asked.limit_key COLLATE utf8mb4_bin
            WHERE used.scope = limits.scope) END AS SIGNED) AS room
            FROM JSON_TABLE(?, '$[*]' COLUMNS (ordinal BIGINT PATH '$.ordinal', scope VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.scope', limit_key VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.limit_key')) AS asked STRAIGHT_JOIN jobs_limit AS limits FORCE INDEX (PRIMARY) ON limits.scope = asked.scope COLLATE utf8mb4_bin",
        lock: Some(
            "SELECT jobs_limit_lock.stripe
                FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted SMALLINT PATH '$')) AS w STRAIGHT_JOIN jobs_limit_lock FORCE INDEX (PRIMARY) ON jobs_limit_lock.stripe = w.wanted FOR
                UPDATE /*!80001 OF jobs_limit_lock */ SKIP LOCKED",
        ),
        claim: Lock(
            "SELECT id, name, priority, version, attempt, max_attempts, budget, timeout_ms, CAST(parameters AS CHAR), created_at, scheduled_at, user_id, session_id, event_id, limit_key, UTC_TIMESTAMP(6) AS started_at, nominal_at
                FROM jobs_job FORCE INDEX (jobs_job_waiting)
                WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key = ? AND scheduled_at <= UTC_TIMESTAMP(6) AND (? OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
                ORDER BY scheduled_at, id LIMIT ? FOR
                UPDATE SKIP LOCKED",
        ),
        wake: None,
    },
    look: "SELECT queue, CAST(CEIL(MIN(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), first_due)) / 1000) AS SIGNED) AS wait_ms
        FROM
        (SELECT queue, priority, name, MIN(scheduled_at) AS first_due
        FROM jobs_job FORCE INDEX (jobs_job_waiting)
        WHERE status = 0 AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
        WHERE queue IN
        (SELECT served COLLATE utf8mb4_bin
        FROM JSON_TABLE(?, '$[*]' COLUMNS (served VARCHAR(200) CHARACTER
        SET utf8mb4 PATH '$')) AS queues) AND name IN
        (SELECT known COLLATE utf8mb4_bin
        FROM JSON_TABLE(?, '$[*]' COLUMNS (known VARCHAR(200) CHARACTER
        SET utf8mb4 PATH '$')) AS names) AND name NOT IN
        (SELECT job_name
        FROM jobs_limit_use) GROUP BY queue
        UNION ALL
        SELECT name, NULL
        FROM jobs_queue
        WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > UTC_TIMESTAMP(6))",
    due_groups: "SELECT queue, priority, name, MIN(first_due)
        FROM
        (SELECT queue, priority, name, MIN(scheduled_at) AS first_due
        FROM jobs_job FORCE INDEX (jobs_job_waiting)
        WHERE status = 0 GROUP BY status, queue, priority, name, limit_key) AS waiting
        WHERE first_due <= UTC_TIMESTAMP(6) GROUP BY queue, priority, name",
    depths: "SELECT waiting.queue, 0 AS status, waiting.first_due, UTC_TIMESTAMP(6) AS now, CASE WHEN
        (SELECT 1
        FROM jobs_job FORCE INDEX (jobs_job_waiting)
        WHERE status = 0 AND queue = waiting.queue LIMIT 1 OFFSET ?) IS NULL THEN
        (SELECT COUNT(*)
        FROM jobs_job FORCE INDEX (jobs_job_waiting)
        WHERE status = 0 AND queue = waiting.queue) END AS jobs
        FROM
        (SELECT queue, MIN(first_due) AS first_due
        FROM
        (SELECT queue, priority, name, MIN(scheduled_at) AS first_due
        FROM jobs_job FORCE INDEX (jobs_job_waiting)
        WHERE status = 0 GROUP BY status, queue, priority, name, limit_key) AS groups_of_queues GROUP BY queue) AS waiting
        UNION ALL
        SELECT queue, status, NULL, UTC_TIMESTAMP(6), COUNT(*)
        FROM jobs_job
        WHERE status = 1 GROUP BY queue, status",
    of_groups: "(queue, priority, name) IN (
        SELECT group_queue COLLATE utf8mb4_bin, group_priority, group_name COLLATE utf8mb4_bin
        FROM JSON_TABLE(?, '$[*]' COLUMNS (group_queue VARCHAR(200) CHARACTER
        SET utf8mb4 PATH '$.queue', group_priority SMALLINT PATH '$.priority', group_name VARCHAR(200) CHARACTER
        SET utf8mb4 PATH '$.name')) AS wanted)",
    complete: " /*M!
        SET STATEMENT innodb_lock_wait_timeout = 0 FOR */
        UPDATE /*!80001
        (SELECT done.*
        FROM */ JSON_TABLE(?, '$[*]' COLUMNS ( id BIGINT PATH '$.id', version BIGINT PATH '$.version', results LONGTEXT CHARACTER
        SET utf8mb4 PATH '$.results')) AS done /*!80001 STRAIGHT_JOIN jobs_job AS free FORCE INDEX (PRIMARY) ON free.id = done.id AND free.version = done.version LIMIT 10000 FOR
        UPDATE OF free SKIP LOCKED) AS done */ STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = done.id AND job.version = done.version
        SET job.version = job.version + 1, job.status = 4, job.finished_at = UTC_TIMESTAMP(6), job.progress = 100, job.results = COALESCE(done.results, job.results)",
    progress: Some(
        " /*M!
            SET STATEMENT innodb_lock_wait_timeout = 0 FOR */
            UPDATE /*!80001
            (SELECT reported.*
            FROM */ JSON_TABLE(?, '$[*]' COLUMNS ( id BIGINT PATH '$.id', version BIGINT PATH '$.version', progress SMALLINT PATH '$.progress', results LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.results')) AS reported /*!80001 STRAIGHT_JOIN jobs_job AS free FORCE INDEX (PRIMARY) ON free.id = reported.id AND free.version = reported.version LIMIT 10000 FOR
            UPDATE OF free SKIP LOCKED) AS reported */ STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = reported.id AND job.version = reported.version
            SET job.progress = COALESCE(reported.progress, job.progress), job.results = COALESCE(reported.results, job.results)",
    ),
    finish: Steps {
        lock: "
            SELECT job.id, job.version
            FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', version BIGINT PATH '$.version')) AS batch STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = batch.id AND job.version = batch.version
            WHERE job.status = 1 FOR
            UPDATE /*!80001 OF job */ SKIP LOCKED",
        history: Some(
            "
                INSERT IGNORE INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
                SELECT job.id, job.attempt, job.version, ended.worker, job.started_at, UTC_TIMESTAMP(6), ended.how, ended.error
                FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', how VARCHAR(20) CHARACTER
                SET utf8mb4 PATH '$.how', error LONGTEXT CHARACTER
                SET utf8mb4 PATH '$.error', worker VARCHAR(200) CHARACTER
                SET utf8mb4 PATH '$.worker')) AS ended STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = ended.id
                WHERE ended.how IS NOT NULL",
        ),
        own: "
            UPDATE JSON_TABLE(?, '$[*]' COLUMNS ( id BIGINT PATH '$.id', status SMALLINT PATH '$.status', delay_ms BIGINT PATH '$.delay_ms', attempt_change INT PATH '$.attempt_change', max_attempts_change INT PATH '$.max_attempts_change', progress SMALLINT PATH '$.progress', results LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.results', error LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.error', owner BIGINT PATH '$.owner')) AS ended STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = ended.id
            SET job.version = job.version + 1, job.worker_id = ended.owner, job.scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL THEN UTC_TIMESTAMP(6) + INTERVAL ended.delay_ms * 1000 MICROSECOND ELSE job.scheduled_at END, job.started_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE job.started_at END, job.finished_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE UTC_TIMESTAMP(6) END, job.attempt = job.attempt + ended.attempt_change, job.max_attempts = job.max_attempts + ended.max_attempts_change, job.progress = COALESCE(ended.progress, job.progress), job.results = COALESCE(ended.results, job.results), job.last_error = COALESCE(ended.error, job.last_error), job.status = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END",
        messages: "
            INSERT IGNORE INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT job_id, attempt, version, number, level, UTC_TIMESTAMP(6) - INTERVAL age_ms * 1000 MICROSECOND, text
            FROM JSON_TABLE(?, '$[*]' COLUMNS ( job_id BIGINT PATH '$.job_id', attempt INT PATH '$.attempt', version BIGINT PATH '$.version', number BIGINT PATH '$.number', level SMALLINT PATH '$.level', age_ms BIGINT PATH '$.age_ms', text LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.text')) AS message",
    },
    report: Steps {
        lock: "
            SELECT job.id, job.version
            FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', version BIGINT PATH '$.version')) AS batch STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = batch.id AND job.version = batch.version
            WHERE job.status = 1 FOR
            UPDATE /*!80001 OF job */ SKIP LOCKED",
        history: None,
        own: " /*M!
            SET STATEMENT innodb_lock_wait_timeout = 0 FOR */
            UPDATE /*!80001
            (SELECT reported.*
            FROM */ JSON_TABLE(?, '$[*]' COLUMNS ( id BIGINT PATH '$.id', version BIGINT PATH '$.version', progress SMALLINT PATH '$.progress', results LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.results')) AS reported /*!80001 STRAIGHT_JOIN jobs_job AS free FORCE INDEX (PRIMARY) ON free.id = reported.id AND free.version = reported.version LIMIT 10000 FOR
            UPDATE OF free SKIP LOCKED) AS reported */ STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = reported.id AND job.version = reported.version
            SET job.progress = COALESCE(reported.progress, job.progress), job.results = COALESCE(reported.results, job.results)",
        messages: "
            INSERT IGNORE INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT job_id, attempt, version, number, level, UTC_TIMESTAMP(6) - INTERVAL age_ms * 1000 MICROSECOND, text
            FROM JSON_TABLE(?, '$[*]' COLUMNS ( job_id BIGINT PATH '$.job_id', attempt INT PATH '$.attempt', version BIGINT PATH '$.version', number BIGINT PATH '$.number', level SMALLINT PATH '$.level', age_ms BIGINT PATH '$.age_ms', text LONGTEXT CHARACTER
            SET utf8mb4 PATH '$.text')) AS message",
    },
    join: Values {
        into: "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) VALUES ",
        row: "(?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? * 1000 MICROSECOND, ?)",
        due_now: None,
        if_committed: None,
        id_step: "SELECT CAST(@@auto_increment_increment AS SIGNED)",
        chunks: [
            1,
        ],
    },
    beat: Update(
        "UPDATE jobs_worker
            SET resumed_at = CASE WHEN expires_at < UTC_TIMESTAMP(6) THEN UTC_TIMESTAMP(6) ELSE resumed_at END, last_seen_at = UTC_TIMESTAMP(6), expires_at = UTC_TIMESTAMP(6) + INTERVAL ? * 1000 MICROSECOND
            WHERE id = ?",
        "SELECT id, version, cancel_requested_at
            FROM jobs_job FORCE INDEX (jobs_job_running)
            WHERE status = 1 AND worker_id = ?",
    ),
    has_orphans: "EXISTS
        (SELECT 1
        FROM jobs_job FORCE INDEX (jobs_job_running)
        WHERE status = 1 AND NOT EXISTS
        (SELECT 1
        FROM jobs_worker
        WHERE jobs_worker.id = jobs_job.worker_id))",
    lock_one: "SELECT id
        FROM jobs_job
        WHERE id = ? FOR
        UPDATE SKIP LOCKED",
    hold: "SELECT job.id, job.queue, job.status, FALSE AS awaited, job.unique_key
        FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', version BIGINT PATH '$.version')) AS seen STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = seen.id AND job.version = seen.version FOR
        UPDATE /*!80001 OF job */ SKIP LOCKED",
    expired: "SELECT id
        FROM jobs_job
        WHERE status = ? AND status >= 2 AND finished_at < UTC_TIMESTAMP(6) - INTERVAL ? * 1000 MICROSECOND
        ORDER BY finished_at LIMIT ? FOR
        UPDATE SKIP LOCKED",
    delete: [
        "UPDATE
            (SELECT jobs_job.id, jobs_job.unique_key
            FROM JSON_TABLE(?, '$[*]' COLUMNS (doomed BIGINT PATH '$')) AS d STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = d.doomed
            WHERE jobs_job.unique_key IS NOT NULL
            ORDER BY jobs_job.unique_key LIMIT 1000000) AS had STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = had.unique_key AND jobs_unique.job_id = had.id
            SET jobs_unique.version = NULL",
        "DELETE jobs_message
            FROM JSON_TABLE(?, '$[*]' COLUMNS (doomed BIGINT PATH '$')) AS d STRAIGHT_JOIN jobs_message FORCE INDEX (PRIMARY) ON jobs_message.job_id = d.doomed",
        "DELETE jobs_attempt
            FROM JSON_TABLE(?, '$[*]' COLUMNS (doomed BIGINT PATH '$')) AS d STRAIGHT_JOIN jobs_attempt FORCE INDEX (PRIMARY) ON jobs_attempt.job_id = d.doomed",
    ],
    delete_jobs: "DELETE jobs_job
        FROM JSON_TABLE(?, '$[*]' COLUMNS (doomed BIGINT PATH '$')) AS d STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = d.doomed",
    mark_awaited: None,
    statuses: "SELECT jobs_job.id, jobs_job.status
        FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted BIGINT PATH '$')) AS w JOIN jobs_job ON jobs_job.id = w.wanted",
    news: "
        SELECT asked.place, job.version, job.status, job.attempt, job.progress, job.scheduled_at, job.cancel_requested_at, CASE WHEN job.status = 0 THEN job.last_error END, message.version, message.number, message.attempt, message.level, message.created_at, message.text
        FROM (
        SELECT known.place, known.id, known.job_id, known.after_key, COALESCE(
        (SELECT (next.version * 4294967296 + next.number)
        FROM jobs_message AS next FORCE INDEX (PRIMARY)
        WHERE next.job_id = known.job_id AND (next.version * 4294967296 + next.number) > known.after_key
        ORDER BY next.job_id, next.version, next.number LIMIT 99, 1), 9223372036854775807) AS last_key
        FROM (
        SELECT place.place, place.id, (place.version * 4294967296 + place.number) AS after_key, CASE WHEN (place.version * 4294967296 + place.number) <
        (SELECT (said.version * 4294967296 + said.number)
        FROM jobs_message AS said FORCE INDEX (PRIMARY)
        WHERE said.job_id = place.id
        ORDER BY said.job_id DESC, said.version DESC, said.number DESC LIMIT 1) THEN place.id END AS job_id
        FROM JSON_TABLE(?, '$[*]' COLUMNS ( place BIGINT PATH '$.place', id BIGINT PATH '$.id', version BIGINT PATH '$.version', number BIGINT PATH '$.number')) AS place LIMIT 1000000) AS known LIMIT 1000000) AS asked STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = asked.id LEFT JOIN jobs_message AS message FORCE INDEX (PRIMARY) ON message.job_id = asked.job_id AND (message.version * 4294967296 + message.number) > asked.after_key AND (message.version * 4294967296 + message.number) <= asked.last_key",
    audit: "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
        SELECT UTC_TIMESTAMP(6), ?, ?, ?, job, ?, ?, ?
        FROM JSON_TABLE(?, '$[*]' COLUMNS (job BIGINT PATH '$')) AS jobs",
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES (?, ?, ?, ?, ?) ON DUPLICATE KEY
        UPDATE total = VALUES(total), by_job = VALUES(by_job)",
    advance: "UPDATE jobs_job
        SET scheduled_at = scheduled_at - INTERVAL ? * 1000 MICROSECOND
        WHERE status = 0",
    unique: Unique {
        insert: Steps {
            jobs: Values {
                into: "INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while) VALUES ",
                row: "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), COALESCE(CAST(? AS DATETIME(6)), UTC_TIMESTAMP(6) + INTERVAL COALESCE(?, 0) * 1000 MICROSECOND), ?, ?, ?, ?, ?, ?)",
                due_now: Some(
                    "(?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?, ?, ?, ?, ?, ?)",
                ),
                if_committed: Some(
                    (
                        "UTC_TIMESTAMP(6)",
                        "IF(@@autocommit, UTC_TIMESTAMP(6), NULL)",
                    ),
                ),
                id_step: "SELECT CAST(@@auto_increment_increment AS SIGNED)",
                chunks: [
                    1024,
                    512,
                    256,
                    128,
                    64,
                    32,
                    16,
                    8,
                    4,
                    2,
                    1,
                ],
            },
            acquire_range: None,
        },
        acquire: Values {
            into: "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at) VALUES ",
            row: "(?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ? * 1000 MICROSECOND)",
            or_ignore: " ON DUPLICATE KEY
                UPDATE version = jobs_unique.version + 0 * LAST_INSERT_ID(1)",
            chunks: [
                1024,
                512,
                256,
                128,
                64,
                32,
                16,
                8,
                4,
                2,
                1,
            ],
        },
        holder_if_certain: Some(
            "SELECT held.unique_key, held.job_id
                FROM jobs_unique AS held JOIN jobs_job AS job ON job.id = held.job_id
                WHERE held.unique_key = ? AND (held.expires_at > UTC_TIMESTAMP(6) OR job.unique_while & (1 << job.status) <> 0)",
        ),
        holders: "SELECT unique_key, job_id, version, COALESCE(expires_at > UTC_TIMESTAMP(6), FALSE) AS is_open, TRUE AS may_be_old
            FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted VARCHAR(64) CHARACTER
            SET utf8mb4 PATH '$')) AS w STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON unique_key = w.wanted COLLATE utf8mb4_bin FOR
            UPDATE /*!80001 OF jobs_unique */",
        jobs: "SELECT id, version, status, unique_while
            FROM JSON_TABLE(?, '$[*]' COLUMNS (holding BIGINT PATH '$')) AS h STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = h.holding",
        locked_jobs: "SELECT id, version, status, unique_while
            FROM JSON_TABLE(?, '$[*]' COLUMNS (holding BIGINT PATH '$')) AS h STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = h.holding FOR
            UPDATE /*!80001 OF jobs_job */",
        release: "DELETE jobs_unique
            FROM JSON_TABLE(?, '$[*]' COLUMNS ( seen VARCHAR(64) CHARACTER
            SET utf8mb4 PATH '$.unique_key', by_job BIGINT PATH '$.job_id', at_version BIGINT PATH '$.version')) AS s STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = s.seen COLLATE utf8mb4_bin AND jobs_unique.job_id = s.by_job AND jobs_unique.version <=> s.at_version",
        keep: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS ( kept VARCHAR(64) CHARACTER
            SET utf8mb4 PATH '$.unique_key', by_job BIGINT PATH '$.job_id', at_version BIGINT PATH '$.version')) AS k STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = k.kept COLLATE utf8mb4_bin AND jobs_unique.job_id = k.by_job
            SET jobs_unique.version = k.at_version",
        replace: "UPDATE jobs_job FORCE INDEX (PRIMARY)
            SET scheduled_at = COALESCE(CAST(? AS DATETIME(6)), UTC_TIMESTAMP(6) + INTERVAL COALESCE(?, 0) * 1000 MICROSECOND), parameters = ?, limit_key = ?, version = version + 1
            WHERE id = ? AND version = ? AND status = 0",
        left: "SELECT unique_key
            FROM jobs_unique FORCE INDEX (jobs_unique_left)
            WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= UTC_TIMESTAMP(6)) LIMIT ? FOR
            UPDATE SKIP LOCKED",
        sweep: "DELETE jobs_unique
            FROM JSON_TABLE(?, '$[*]' COLUMNS (swept VARCHAR(64) CHARACTER
            SET utf8mb4 PATH '$')) AS s STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = s.swept COLLATE utf8mb4_bin",
    },
    cron: Cron {
        due_in: "SELECT CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, UTC_TIMESTAMP(6), next_at) / 1000) AS SIGNED) AS wait_ms
            FROM jobs_cron FORCE INDEX (jobs_cron_due)
            WHERE paused_at IS NULL AND next_at IS NOT NULL AND JSON_CONTAINS(?, JSON_QUOTE(job)) AND NOT JSON_CONTAINS(?, JSON_QUOTE(name))
            ORDER BY next_at LIMIT 1",
        due: "SELECT jobs_cron.*, UTC_TIMESTAMP(6) AS now
            FROM jobs_cron FORCE INDEX (jobs_cron_due)
            WHERE paused_at IS NULL AND next_at <= UTC_TIMESTAMP(6) AND JSON_CONTAINS(?, JSON_QUOTE(job)) AND NOT JSON_CONTAINS(?, JSON_QUOTE(name))
            ORDER BY next_at LIMIT ? FOR
            UPDATE SKIP LOCKED",
        fired: "SELECT wanted.ordinal
            FROM JSON_TABLE(?, '$[*]' COLUMNS ( ordinal BIGINT PATH '$.ordinal', schedule VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.schedule', nominal_at DATETIME(6) PATH '$.nominal_at')) AS wanted STRAIGHT_JOIN jobs_cron_firing AS firing FORCE INDEX (PRIMARY) ON firing.schedule = wanted.schedule COLLATE utf8mb4_bin AND firing.nominal_at = wanted.nominal_at",
        record: "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
            SELECT fired.schedule, fired.nominal_at, fired.job_id, UTC_TIMESTAMP(6)
            FROM JSON_TABLE(?, '$[*]' COLUMNS ( schedule VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.schedule', nominal_at DATETIME(6) PATH '$.nominal_at', job_id BIGINT PATH '$.job_id')) AS fired",
        nominal: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (nominal_at DATETIME(6) PATH '$.nominal_at', job_id BIGINT PATH '$.job_id')) AS fired STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = fired.job_id
            SET jobs_job.nominal_at = fired.nominal_at",
        hold: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS ( unique_key VARCHAR(64) CHARACTER
            SET utf8mb4 PATH '$.unique_key', job_id BIGINT PATH '$.job_id', expires_at DATETIME(6) PATH '$.expires_at')) AS held STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = held.unique_key COLLATE utf8mb4_bin AND jobs_unique.job_id = held.job_id
            SET jobs_unique.expires_at = held.expires_at",
        set_next: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS ( schedule VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$.schedule', next_at DATETIME(6) PATH '$.next_at')) AS fired STRAIGHT_JOIN jobs_cron FORCE INDEX (PRIMARY) ON jobs_cron.name = fired.schedule COLLATE utf8mb4_bin
            SET jobs_cron.next_at = fired.next_at",
        forget: "DELETE old
            FROM
            (SELECT fired.schedule,
            (SELECT latest.nominal_at
            FROM jobs_cron_firing AS latest FORCE INDEX (PRIMARY)
            WHERE latest.schedule = fired.schedule COLLATE utf8mb4_bin
            ORDER BY latest.nominal_at + INTERVAL 0 SECOND DESC LIMIT 1 OFFSET 99) AS oldest
            FROM JSON_TABLE(?, '$[*]' COLUMNS (schedule VARCHAR(200) CHARACTER
            SET utf8mb4 PATH '$')) AS fired) AS kept STRAIGHT_JOIN jobs_cron_firing AS old FORCE INDEX (PRIMARY) ON old.schedule = kept.schedule COLLATE utf8mb4_bin AND old.nominal_at < kept.oldest",
        forget_all: "DELETE jobs_cron_firing
            FROM jobs_cron_firing FORCE INDEX (PRIMARY)
            WHERE schedule = ?",
    },
}
by_id: UPDATE `jobs_job` FORCE INDEX (PRIMARY) SET `priority` = 1 WHERE `id` = 1
by_ids: UPDATE JSON_TABLE(?, '$[*]' COLUMNS (changed BIGINT PATH '$')) AS c
        STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = c.changed SET `priority` = 1
insert_or_ignore: INSERT IGNORE INTO jobs_cron (name) VALUES (1)
