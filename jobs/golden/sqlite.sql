Dialect {
    backend: Sqlite,
    clock: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    notify: None,
    notify_all: None,
    row_locks: false,
    locks_gaps: false,
    insert: Rows(
        InsertJobs {
            mixed: "
                INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while)
                SELECT value ->> 'name', value ->> 'queue', value ->> 'priority', value ->> 'max_attempts', value ->> 'max_attempts', value ->> 'timeout_ms', value ->> 'parameters', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(value ->> 'at', 'now'), printf('+%.3f seconds', COALESCE(value ->> 'delay_ms', 0) / 1000.0)), value ->> 'user_id', value ->> 'session_id', value ->> 'event_id', value ->> 'limit_key', value ->> 'unique_key', value ->> 'unique_while'
                FROM json_each(?1)
                ORDER BY key",
            uniform: "
                INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key)
                SELECT ?2, ?3, ?4, ?5, ?5, ?6, value, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(?7, 'now'), printf('+%.3f seconds', COALESCE(?8, 0) / 1000.0)), ?9, ?10, ?11, ?12
                FROM json_each(?1)
                ORDER BY key",
        },
        UpToLast,
    ),
    claim: Statement {
        all: "
            WITH RECURSIVE pairs (priority, name) AS (
            SELECT priority, name
            FROM jobs_job
            WHERE id =
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs JOIN jobs_job AS next ON next.id = COALESCE(
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name > pairs.name
            ORDER BY name LIMIT 1),
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority > pairs.priority
            ORDER BY priority, name LIMIT 1)) )
            UPDATE jobs_job
            SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?2, started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), progress = 0, results = NULL
            WHERE id IN (
            SELECT best.id
            FROM
            (SELECT first.id, first.attempt + 1 < first.max_attempts AND (first.attempt = 0 OR first.worker_id IS NOT NULL) AS may_wait, row_number() OVER
            (ORDER BY first.priority, first.scheduled_at, first.id) AS rank
            FROM pairs JOIN jobs_job AS first ON first.id IN (
            SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key = '-' AND scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            ORDER BY scheduled_at, id LIMIT ?4)
            WHERE pairs.name IN
            (SELECT value
            FROM json_each(?3)) AND pairs.name NOT IN
            (SELECT job_name
            FROM jobs_limit_use)
            ORDER BY first.priority, first.scheduled_at, first.id LIMIT ?4) AS best
            WHERE best.may_wait OR best.rank <= ?5) AND EXISTS
            (SELECT 1
            FROM jobs_worker
            WHERE id = ?2)
            RETURNING id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, started_at, nominal_at",
        from_cursor: None,
    },
    limited: Limited {
        groups: "
            WITH RECURSIVE pairs (priority, name) AS (
            SELECT priority, name
            FROM jobs_job
            WHERE id =
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs JOIN jobs_job AS next ON next.id = COALESCE(
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name > pairs.name
            ORDER BY name LIMIT 1),
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority > pairs.priority
            ORDER BY priority, name LIMIT 1)) )
            SELECT priority, name
            FROM pairs
            WHERE name IN
            (SELECT value
            FROM json_each(?2)) AND name IN
            (SELECT job_name
            FROM jobs_limit_use)",
        with_keys: "
            WITH RECURSIVE pairs (priority, name) AS (
            SELECT priority, name
            FROM jobs_job
            WHERE id =
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs JOIN jobs_job AS next ON next.id = COALESCE(
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name > pairs.name
            ORDER BY name LIMIT 1),
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority > pairs.priority
            ORDER BY priority, name LIMIT 1)) )
            SELECT DISTINCT name
            FROM pairs
            WHERE name IN
            (SELECT value
            FROM json_each(?2)) AND name NOT IN
            (SELECT job_name
            FROM jobs_limit_use) AND (EXISTS
            (SELECT 1
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key < '-') OR EXISTS
            (SELECT 1
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key > '-'))",
        places: Statement(
            "
                WITH RECURSIVE head (id, number) AS (
                SELECT id, 1
                FROM (
                SELECT id
                FROM jobs_job
                WHERE status = 0 AND queue = ?1 AND priority = ?2 AND name = ?3 AND limit_key >= ?4
                ORDER BY limit_key, scheduled_at, id LIMIT 1)
                UNION ALL
                SELECT next.id, head.number + 1
                FROM head JOIN jobs_job AS last ON last.id = head.id JOIN jobs_job AS next ON next.id = (
                SELECT id
                FROM jobs_job
                WHERE status = 0 AND queue = ?1 AND priority = ?2 AND name = ?3 AND limit_key > last.limit_key
                ORDER BY limit_key, scheduled_at, id LIMIT 1)
                WHERE head.number < ?5 )
                SELECT first.limit_key, CAST(ROUND((unixepoch(first.scheduled_at, 'subsec') - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms, first.scheduled_at
                FROM head JOIN jobs_job AS first USING (id)",
        ),
        heads: "
            SELECT asked.value ->> 'ordinal' AS ordinal, CAST(ROUND((unixepoch(first.scheduled_at, 'subsec') - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms, first.scheduled_at
            FROM json_each(?2) AS asked JOIN jobs_job AS first ON first.id = (
            SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = asked.value ->> 'priority' AND name = asked.value ->> 'name' AND limit_key = asked.value ->> 'limit_key'
            ORDER BY scheduled_at, id LIMIT 1)",
        best_unlimited: "
            WITH RECURSIVE pairs (priority, name) AS (
            SELECT priority, name
            FROM jobs_job
            WHERE id =
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs JOIN jobs_job AS next ON next.id = COALESCE(
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name > pairs.name
            ORDER BY name LIMIT 1),
            (SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority > pairs.priority
            ORDER BY priority, name LIMIT 1)) )
            SELECT first.priority, first.scheduled_at
            FROM pairs JOIN jobs_job AS first ON first.id = (
            SELECT id
            FROM jobs_job
            WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key = '-' AND scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            ORDER BY scheduled_at, id LIMIT 1)
            WHERE pairs.name IN
            (SELECT value
            FROM json_each(?2)) AND pairs.name NOT IN
            (SELECT job_name
            FROM jobs_limit_use)
            ORDER BY first.priority, first.scheduled_at LIMIT 1",
        rooms: "
            SELECT asked.value ->> 'ordinal' AS ordinal, limits.counted_by, CASE WHEN asked.value ->> 'limit_key' IS NULL AND limits.running IS NOT NULL THEN limits.running - (
            SELECT COUNT(*)
            FROM jobs_limit_use AS used CROSS JOIN jobs_job
            WHERE used.scope = limits.scope AND status = 1 AND limit_key <> '-' AND name = used.job_name) WHEN asked.value ->> 'limit_key' IS NOT NULL AND limits.running_each IS NOT NULL THEN limits.running_each - (
            SELECT COUNT(*)
            FROM jobs_limit_use AS used CROSS JOIN jobs_job
            WHERE used.scope = limits.scope AND status = 1 AND limit_key <> '-' AND name = used.job_name AND limit_key = asked.value ->> 'limit_key') END AS room
            FROM json_each(?1) AS asked JOIN jobs_limit AS limits ON limits.scope = asked.value ->> 'scope'",
        lock: None,
        claim: EachTake(
            "
                UPDATE jobs_job
                SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?2, started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), progress = 0, results = NULL
                WHERE id IN (
                SELECT first.id
                FROM json_each(?3) AS asked JOIN jobs_job AS first ON first.id IN (
                SELECT id
                FROM jobs_job
                WHERE status = 0 AND queue = ?1 AND priority = asked.value ->> 'priority' AND name = asked.value ->> 'name' AND limit_key = asked.value ->> 'limit_key' AND scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AND (?4 OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
                ORDER BY scheduled_at, id LIMIT ?5)) AND EXISTS
                (SELECT 1
                FROM jobs_worker
                WHERE id = ?2)
                RETURNING id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, started_at, nominal_at",
        ),
        wake: None,
    },
    look: "
        WITH RECURSIVE groups (queue, priority, name) AS (
        SELECT first.queue, first.priority, first.name
        FROM json_each(?1) AS served JOIN jobs_job AS first ON first.id = (
        SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = served.value
        ORDER BY priority, name LIMIT 1)
        UNION ALL
        SELECT next.queue, next.priority, next.name
        FROM groups JOIN jobs_job AS next ON next.id = COALESCE(
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name > groups.name
        ORDER BY name, limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority > groups.priority
        ORDER BY priority, name, limit_key LIMIT 1)) )
        SELECT groups.queue, CAST(ROUND((MIN(unixepoch(first.scheduled_at, 'subsec')) - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms
        FROM groups JOIN jobs_job AS first ON first.id = (
        SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = '-'
        ORDER BY scheduled_at, id LIMIT 1)
        WHERE groups.name IN
        (SELECT value
        FROM json_each(?2)) AND groups.name NOT IN
        (SELECT job_name
        FROM jobs_limit_use) GROUP BY groups.queue
        UNION ALL
        SELECT name, NULL
        FROM jobs_queue
        WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))",
    due_groups: "
        WITH RECURSIVE groups (queue, priority, name, limit_key) AS (
        SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE id =
        (SELECT id
        FROM jobs_job
        WHERE status = 0
        ORDER BY queue, priority, name, limit_key LIMIT 1)
        UNION ALL
        SELECT next.queue, next.priority, next.name, next.limit_key
        FROM groups JOIN jobs_job AS next ON next.id = COALESCE(
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key > groups.limit_key
        ORDER BY limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name > groups.name
        ORDER BY name, limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority > groups.priority
        ORDER BY priority, name, limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue > groups.queue
        ORDER BY queue, priority, name, limit_key LIMIT 1)) )
        SELECT groups.queue, groups.priority, groups.name, MIN(first.scheduled_at)
        FROM groups JOIN jobs_job AS first ON first.id = (
        SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = groups.limit_key
        ORDER BY scheduled_at, id LIMIT 1)
        WHERE first.scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') GROUP BY groups.queue, groups.priority, groups.name",
    depths: "
        WITH RECURSIVE groups (queue, priority, name, limit_key) AS (
        SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE id =
        (SELECT id
        FROM jobs_job
        WHERE status = 0
        ORDER BY queue, priority, name, limit_key LIMIT 1)
        UNION ALL
        SELECT next.queue, next.priority, next.name, next.limit_key
        FROM groups JOIN jobs_job AS next ON next.id = COALESCE(
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key > groups.limit_key
        ORDER BY limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name > groups.name
        ORDER BY name, limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority > groups.priority
        ORDER BY priority, name, limit_key LIMIT 1),
        (SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue > groups.queue
        ORDER BY queue, priority, name, limit_key LIMIT 1)) )
        SELECT waiting.queue, 0 AS status, waiting.first_due, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now,
        (SELECT COUNT(*)
        FROM
        (SELECT 1
        FROM jobs_job
        WHERE status = 0 AND queue = waiting.queue LIMIT ?1)) AS jobs
        FROM
        (SELECT groups.queue, MIN(first.scheduled_at) AS first_due
        FROM groups JOIN jobs_job AS first ON first.id = (
        SELECT id
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = groups.limit_key
        ORDER BY scheduled_at, id LIMIT 1) GROUP BY groups.queue) AS waiting
        UNION ALL
        SELECT queue, status, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), COUNT(*)
        FROM jobs_job
        WHERE status = 1 GROUP BY queue, status",
    of_groups: "(queue, priority, name) IN (
        SELECT value ->> 'queue', value ->> 'priority', value ->> 'name'
        FROM json_each(?))",
    complete: "
        UPDATE jobs_job
        SET version = version + 1, status = 4, finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), progress = 100, results = COALESCE(done.results, jobs_job.results)
        FROM
        (SELECT value ->> 'id' AS done_id, value ->> 'version' AS done_version, value ->> 'results' AS results
        FROM json_each(?1)) AS done
        WHERE id = done.done_id AND version = done.done_version",
    progress: Some(
        "
            UPDATE jobs_job
            SET progress = COALESCE(reported.progress, jobs_job.progress), results = COALESCE(reported.results, jobs_job.results)
            FROM
            (SELECT value ->> 'id' AS reported_id, value ->> 'version' AS reported_version, value ->> 'progress' AS progress, value ->> 'results' AS results
            FROM json_each(?1)) AS reported
            WHERE id = reported.reported_id AND version = reported.reported_version",
    ),
    finish: Steps {
        lock: "
            SELECT job.id, job.version
            FROM json_each(?1) AS batch JOIN jobs_job AS job ON job.id = batch.value ->> 'id' AND job.version = batch.value ->> 'version'",
        history: Some(
            "
                INSERT INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
                SELECT job.id, job.attempt, job.version, ended.value ->> 'worker', job.started_at, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ended.value ->> 'how', ended.value ->> 'error'
                FROM json_each(?1) AS ended JOIN jobs_job AS job ON job.id = ended.value ->> 'id'
                WHERE ended.value ->> 'how' IS NOT NULL ON CONFLICT DO NOTHING",
        ),
        own: "
            UPDATE jobs_job
            SET version = version + 1, worker_id = ended.owner, status = CASE WHEN ended.status = 0 AND cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END, scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('+%.3f seconds', ended.delay_ms / 1000.0)) ELSE scheduled_at END, started_at = CASE WHEN ended.status = 0 AND cancel_requested_at IS NULL THEN NULL ELSE started_at END, finished_at = CASE WHEN ended.status = 0 AND cancel_requested_at IS NULL THEN NULL ELSE strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END, attempt = attempt + ended.attempt_change, max_attempts = max_attempts + ended.max_attempts_change, progress = COALESCE(ended.progress, jobs_job.progress), results = COALESCE(ended.results, jobs_job.results), last_error = COALESCE(ended.error, last_error)
            FROM
            (SELECT value ->> 'id' AS ended_id, value ->> 'status' AS status, value ->> 'delay_ms' AS delay_ms, value ->> 'attempt_change' AS attempt_change, value ->> 'max_attempts_change' AS max_attempts_change, value ->> 'progress' AS progress, value ->> 'results' AS results, value ->> 'error' AS error, value ->> 'owner' AS owner
            FROM json_each(?1)) AS ended
            WHERE id = ended.ended_id",
        messages: "
            INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT value ->> 'job_id', value ->> 'attempt', value ->> 'version', value ->> 'number', value ->> 'level', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('-%.3f seconds', (value ->> 'age_ms') / 1000.0)), value ->> 'text'
            FROM json_each(?1)
            WHERE TRUE ON CONFLICT DO NOTHING",
    },
    report: Steps {
        lock: "
            SELECT job.id, job.version
            FROM json_each(?1) AS batch JOIN jobs_job AS job ON job.id = batch.value ->> 'id' AND job.version = batch.value ->> 'version'",
        history: None,
        own: "
            UPDATE jobs_job
            SET progress = COALESCE(reported.progress, jobs_job.progress), results = COALESCE(reported.results, jobs_job.results)
            FROM
            (SELECT value ->> 'id' AS reported_id, value ->> 'version' AS reported_version, value ->> 'progress' AS progress, value ->> 'results' AS results
            FROM json_each(?1)) AS reported
            WHERE id = reported.reported_id AND version = reported.reported_version",
        messages: "
            INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT value ->> 'job_id', value ->> 'attempt', value ->> 'version', value ->> 'number', value ->> 'level', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('-%.3f seconds', (value ->> 'age_ms') / 1000.0)), value ->> 'text'
            FROM json_each(?1)
            WHERE TRUE ON CONFLICT DO NOTHING",
    },
    join: One(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('+%.3f seconds', ?4 / 1000.0)), ?5)
            RETURNING id",
    ),
    beat: Update(
        "UPDATE jobs_worker
            SET last_seen_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), expires_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('+%.3f seconds', ?1 / 1000.0)), resumed_at = CASE WHEN expires_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now') THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ELSE resumed_at END
            WHERE id = ?2",
        "SELECT id, version, cancel_requested_at
            FROM jobs_job
            WHERE status = 1 AND worker_id = ?1",
    ),
    has_orphans: "EXISTS
        (SELECT 1
        FROM jobs_job
        WHERE status = 1 AND NOT EXISTS
        (SELECT 1
        FROM jobs_worker
        WHERE jobs_worker.id = jobs_job.worker_id))",
    lock_one: "SELECT id
        FROM jobs_job
        WHERE id = ?1",
    hold: "SELECT job.id, job.queue, job.status, FALSE AS awaited, job.unique_key
        FROM json_each(?1) AS seen CROSS JOIN jobs_job AS job ON job.id = seen.value ->> 'id' AND job.version = seen.value ->> 'version'",
    expired: "SELECT id
        FROM jobs_job
        WHERE status = ?1 AND status >= 2 AND finished_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('-%.3f seconds', ?2 / 1000.0))
        ORDER BY finished_at LIMIT ?3",
    delete: [
        "UPDATE jobs_unique
            SET version = NULL
            FROM
            (SELECT id, unique_key AS job_key
            FROM jobs_job
            WHERE id IN
            (SELECT value
            FROM json_each(?1))) AS doomed
            WHERE unique_key = doomed.job_key AND job_id = doomed.id",
        "DELETE
            FROM jobs_message
            WHERE job_id IN
            (SELECT value
            FROM json_each(?1))",
        "DELETE
            FROM jobs_attempt
            WHERE job_id IN
            (SELECT value
            FROM json_each(?1))",
    ],
    delete_jobs: "DELETE
        FROM jobs_job
        WHERE id IN
        (SELECT value
        FROM json_each(?1))",
    mark_awaited: None,
    statuses: "SELECT id, status
        FROM jobs_job
        WHERE id IN
        (SELECT value
        FROM json_each(?1))",
    news: "
        SELECT asked.value ->> 'place', job.version, job.status, job.attempt, job.progress, job.scheduled_at, job.cancel_requested_at, CASE WHEN job.status = 0 THEN job.last_error END, message.version, message.number, message.attempt, message.level, message.created_at, message.text
        FROM json_each(?1) AS asked JOIN jobs_job AS job ON job.id = asked.value ->> 'id' LEFT JOIN jobs_message AS message ON message.rowid IN (
        SELECT rowid
        FROM jobs_message
        WHERE job_id = job.id AND (version, number) > (asked.value ->> 'version', asked.value ->> 'number')
        ORDER BY version, number LIMIT 100)",
    audit: "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?1, ?2, ?3, value, ?4, ?5, ?6
        FROM json_each(?7)
        ORDER BY key",
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (period, starts_at, worker_id) DO
        UPDATE
        SET total = excluded.total, by_job = excluded.by_job",
    advance: "UPDATE jobs_job
        SET scheduled_at = strftime('%Y-%m-%dT%H:%M:%fZ', scheduled_at, printf('-%.3f seconds', ?1 / 1000.0))
        WHERE status = 0",
    unique: Unique {
        insert: Steps {
            jobs: Rows(
                InsertJobs {
                    mixed: "
                        INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while)
                        SELECT value ->> 'name', value ->> 'queue', value ->> 'priority', value ->> 'max_attempts', value ->> 'max_attempts', value ->> 'timeout_ms', value ->> 'parameters', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(value ->> 'at', 'now'), printf('+%.3f seconds', COALESCE(value ->> 'delay_ms', 0) / 1000.0)), value ->> 'user_id', value ->> 'session_id', value ->> 'event_id', value ->> 'limit_key', value ->> 'unique_key', value ->> 'unique_while'
                        FROM json_each(?1)
                        ORDER BY key",
                    uniform: "
                        INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while)
                        SELECT ?2, ?3, ?4, ?5, ?5, ?6, value, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(?7, 'now'), printf('+%.3f seconds', COALESCE(?8, 0) / 1000.0)), ?9, ?10, ?11, ?12, key, ?13
                        FROM json_each(?1)
                        ORDER BY id",
                },
                UpToLast,
            ),
            acquire_range: Some(
                "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                    SELECT unique_key, id, version, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (?3 / 1000.0) || ' seconds')
                    FROM jobs_job
                    WHERE id BETWEEN ?1 AND ?2
                    ORDER BY unique_key ON CONFLICT DO NOTHING",
            ),
        },
        acquire: Json(
            "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                SELECT value ->> 'unique_key', value ->> 'job_id', value ->> 'version', strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ((value ->> 'within_ms') / 1000.0) || ' seconds')
                FROM json_each(?1)
                WHERE TRUE ON CONFLICT DO NOTHING",
        ),
        holder_if_certain: None,
        holders: "SELECT unique_key, job_id, version, COALESCE(expires_at > strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), FALSE) AS is_open, FALSE AS may_be_old
            FROM jobs_unique
            WHERE unique_key IN
            (SELECT value
            FROM json_each(?1))",
        jobs: "SELECT id, version, status, unique_while
            FROM jobs_job
            WHERE id IN
            (SELECT value
            FROM json_each(?1))",
        locked_jobs: "SELECT id, version, status, unique_while
            FROM jobs_job
            WHERE id IN
            (SELECT value
            FROM json_each(?1))",
        release: "DELETE
            FROM jobs_unique
            WHERE (unique_key, job_id, COALESCE(version, -1)) IN (
            SELECT value ->> 'unique_key', value ->> 'job_id', COALESCE(value ->> 'version', -1)
            FROM json_each(?1))",
        keep: "UPDATE jobs_unique
            SET version = kept.kept_version
            FROM
            (SELECT value ->> 'unique_key' AS kept_key, value ->> 'job_id' AS kept_by, value ->> 'version' AS kept_version
            FROM json_each(?1)) AS kept
            WHERE unique_key = kept.kept_key AND job_id = kept.kept_by",
        replace: "UPDATE jobs_job
            SET scheduled_at = strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(?1, 'now'), printf('+%.3f seconds', COALESCE(?2, 0) / 1000.0)), parameters = ?3, limit_key = ?4, version = version + 1
            WHERE id = ?5 AND version = ?6 AND status = 0",
        left: "SELECT unique_key
            FROM jobs_unique
            WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) LIMIT ?1",
        sweep: "DELETE
            FROM jobs_unique
            WHERE unique_key IN
            (SELECT value
            FROM json_each(?1))",
    },
    cron: Cron {
        due_in: "SELECT CAST(ROUND((unixepoch(next_at, 'subsec') - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms
            FROM jobs_cron
            WHERE paused_at IS NULL AND next_at IS NOT NULL AND job IN
            (SELECT value
            FROM json_each(?1)) AND name NOT IN
            (SELECT value
            FROM json_each(?2))
            ORDER BY next_at LIMIT 1",
        due: "SELECT jobs_cron.*, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS now
            FROM jobs_cron
            WHERE paused_at IS NULL AND next_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AND job IN
            (SELECT value
            FROM json_each(?1)) AND name NOT IN
            (SELECT value
            FROM json_each(?2))
            ORDER BY next_at LIMIT ?3",
        fired: "SELECT wanted.value ->> 'ordinal'
            FROM json_each(?1) AS wanted JOIN jobs_cron_firing AS firing ON firing.schedule = wanted.value ->> 'schedule' AND firing.nominal_at = wanted.value ->> 'nominal_at'",
        record: "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
            SELECT value ->> 'schedule', value ->> 'nominal_at', value ->> 'job_id', strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
            FROM json_each(?1)",
        nominal: "UPDATE jobs_job
            SET nominal_at = fired.nominal_at
            FROM
            (SELECT value ->> 'job_id' AS job_id, value ->> 'nominal_at' AS nominal_at
            FROM json_each(?1)) AS fired
            WHERE id = fired.job_id",
        hold: "UPDATE jobs_unique
            SET expires_at = held.until
            FROM
            (SELECT value ->> 'unique_key' AS key, value ->> 'job_id' AS job, value ->> 'expires_at' AS until
            FROM json_each(?1)) AS held
            WHERE unique_key = held.key AND job_id = held.job",
        set_next: "UPDATE jobs_cron
            SET next_at = fired.next_at
            FROM
            (SELECT value ->> 'schedule' AS schedule, value ->> 'next_at' AS next_at
            FROM json_each(?1)) AS fired
            WHERE name = fired.schedule",
        forget: "DELETE
            FROM jobs_cron_firing
            WHERE rowid IN (
            SELECT old.rowid
            FROM
            (SELECT value AS schedule,
            (SELECT nominal_at
            FROM jobs_cron_firing
            WHERE schedule = value
            ORDER BY nominal_at DESC LIMIT 1 OFFSET 99) AS oldest
            FROM json_each(?1)) AS kept JOIN jobs_cron_firing AS old ON old.schedule = kept.schedule AND old.nominal_at < kept.oldest)",
        forget_all: "DELETE
            FROM jobs_cron_firing
            WHERE schedule = ?1",
    },
}
by_id: UPDATE `jobs_job` SET `priority` = 1 WHERE `id` = 1
by_ids: UPDATE `jobs_job` SET `priority` = 1 WHERE id IN (SELECT value FROM json_each(?1))
insert_or_ignore: INSERT INTO jobs_cron (name) VALUES (1) ON CONFLICT DO NOTHING
