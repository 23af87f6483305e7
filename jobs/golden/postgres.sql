Dialect {
    backend: Postgres,
    clock: "statement_timestamp()",
    notify: Some(
        "SELECT pg_notify($1, $2)",
    ),
    notify_all: Some(
        "SELECT pg_notify($1, value)
            FROM
            (SELECT value
            FROM json_array_elements_text($2::json)) AS payloads",
    ),
    row_locks: true,
    locks_gaps: false,
    insert: Rows(
        InsertJobs {
            mixed: "
                WITH inserted AS (
                INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key)
                SELECT name, queue, priority, max_attempts, max_attempts, timeout_ms, parameters::json, statement_timestamp(), COALESCE(at, statement_timestamp() + COALESCE(delay_ms, 0) * interval '1 millisecond'), user_id, session_id, event_id, limit_key
                FROM ROWS
                FROM (json_to_recordset($1::json) AS ( name text, queue text, priority smallint, max_attempts integer, timeout_ms bigint, parameters text, at timestamptz, delay_ms bigint, user_id text, session_id text, event_id text, limit_key text))
                WITH ORDINALITY AS new (name, queue, priority, max_attempts, timeout_ms, parameters, at, delay_ms, user_id, session_id, event_id, limit_key, ordinal)
                ORDER BY ordinal
                RETURNING id, queue, scheduled_at ), woken AS (
                SELECT count(pg_notify('jobs_wake', due.queue)) AS queues
                FROM
                (SELECT DISTINCT queue
                FROM inserted
                WHERE scheduled_at < statement_timestamp() + interval '1 minute') AS due
                WHERE EXISTS
                (SELECT 1
                FROM jobs_worker
                WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, due.queue)) )
                SELECT id
                FROM inserted
                WHERE
                (SELECT queues
                FROM woken) >= 0",
            uniform: "
                INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key)
                SELECT $2, $3, $4::smallint, $5::integer, $5::integer, $6::bigint, new.parameters, statement_timestamp(), COALESCE($7::text::timestamptz, statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond'), $9::text, $10::text, $11::text, $12::text
                FROM json_array_elements($1::text::json)
                WITH ORDINALITY AS new (parameters, ordinal)
                ORDER BY new.ordinal
                RETURNING id, (
                SELECT pg_notify('jobs_wake', $3)::text
                FROM jobs_worker
                WHERE COALESCE($7::text::timestamptz, statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond') < statement_timestamp() + interval '1 minute' AND expires_at > statement_timestamp() AND jsonb_exists(asleep, $3) LIMIT 1)",
        },
        Returned,
    ),
    claim: Statement {
        all: "
            WITH RECURSIVE pairs AS (
            (SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs CROSS JOIN LATERAL (
            SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
            ORDER BY priority, name LIMIT 1) AS next ), known AS (
            SELECT priority, name
            FROM pairs
            WHERE name = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($3::json))) AND NOT EXISTS
            (SELECT 1
            FROM jobs_limit_use
            WHERE job_name = name) ), groups AS
            (SELECT priority, name, '-infinity'::timestamptz AS since
            FROM known)
            UPDATE jobs_job
            SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $2, started_at = statement_timestamp(), progress = 0, results = NULL
            WHERE ctid = ANY(ARRAY(
            SELECT best.ctid
            FROM
            (SELECT first.ctid, first.may_wait, row_number() OVER
            (ORDER BY first.priority, first.scheduled_at, first.id) AS rank
            FROM groups CROSS JOIN LATERAL (
            SELECT ctid, id, priority, scheduled_at, attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL) AS may_wait
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND priority = groups.priority AND name = groups.name AND limit_key = '-' AND scheduled_at >= groups.since AND scheduled_at <= statement_timestamp()
            ORDER BY scheduled_at, id LIMIT
            (SELECT $4::bigint) FOR
            UPDATE SKIP LOCKED) AS first
            ORDER BY first.priority, first.scheduled_at, first.id LIMIT $4) AS best
            WHERE (best.may_wait OR best.rank <= $5) AND CASE WHEN best.rank > 0 THEN EXISTS
            (SELECT 1
            FROM jobs_worker
            WHERE id = $2 FOR KEY SHARE) END))
            RETURNING id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters::text, created_at, scheduled_at, user_id, session_id, event_id, limit_key, started_at, nominal_at",
        from_cursor: Some(
            FromCursor {
                groups: "
                    WITH RECURSIVE pairs AS (
                    (SELECT priority, name
                    FROM jobs_job
                    WHERE status = 0 AND queue = $1
                    ORDER BY priority, name LIMIT 1)
                    UNION ALL
                    SELECT next.priority, next.name
                    FROM pairs CROSS JOIN LATERAL (
                    SELECT priority, name
                    FROM jobs_job
                    WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
                    ORDER BY priority, name LIMIT 1) AS next ), known AS (
                    SELECT priority, name
                    FROM pairs
                    WHERE name = ANY(ARRAY(SELECT value
                    FROM json_array_elements_text($2::json))) AND NOT EXISTS
                    (SELECT 1
                    FROM jobs_limit_use
                    WHERE job_name = name) )
                    SELECT priority, name
                    FROM known",
                claim: "
                    WITH groups AS MATERIALIZED (
                    SELECT priority, name, COALESCE(since, '-infinity') AS since
                    FROM json_to_recordset($3::json) AS given (priority smallint, name text, since timestamptz)
                    WHERE NOT EXISTS
                    (SELECT 1
                    FROM jobs_limit_use
                    WHERE job_name = given.name) )
                    UPDATE jobs_job
                    SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $2, started_at = statement_timestamp(), progress = 0, results = NULL
                    WHERE ctid = ANY(ARRAY(
                    SELECT best.ctid
                    FROM
                    (SELECT first.ctid, first.may_wait, row_number() OVER
                    (ORDER BY first.priority, first.scheduled_at, first.id) AS rank
                    FROM groups CROSS JOIN LATERAL (
                    SELECT ctid, id, priority, scheduled_at, attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL) AS may_wait
                    FROM jobs_job
                    WHERE status = 0 AND queue = $1 AND priority = groups.priority AND name = groups.name AND limit_key = '-' AND scheduled_at >= groups.since AND scheduled_at <= statement_timestamp()
                    ORDER BY scheduled_at, id LIMIT
                    (SELECT $4::bigint) FOR
                    UPDATE SKIP LOCKED) AS first
                    ORDER BY first.priority, first.scheduled_at, first.id LIMIT $4) AS best
                    WHERE (best.may_wait OR best.rank <= $5) AND CASE WHEN best.rank > 0 THEN EXISTS
                    (SELECT 1
                    FROM jobs_worker
                    WHERE id = $2 FOR KEY SHARE) END))
                    RETURNING id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters::text, created_at, scheduled_at, user_id, session_id, event_id, limit_key, started_at, nominal_at",
            },
        ),
    },
    limited: Limited {
        groups: "
            WITH RECURSIVE pairs AS (
            (SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs CROSS JOIN LATERAL (
            SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
            ORDER BY priority, name LIMIT 1) AS next ), known AS (
            SELECT priority, name
            FROM pairs
            WHERE name = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($2::json))) AND EXISTS
            (SELECT 1
            FROM jobs_limit_use
            WHERE job_name = name) )
            SELECT priority, name
            FROM known",
        with_keys: "
            WITH RECURSIVE pairs AS (
            (SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs CROSS JOIN LATERAL (
            SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
            ORDER BY priority, name LIMIT 1) AS next ), known AS (
            SELECT priority, name
            FROM pairs
            WHERE name = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($2::json))) AND NOT EXISTS
            (SELECT 1
            FROM jobs_limit_use
            WHERE job_name = name) )
            SELECT DISTINCT name
            FROM known
            WHERE
            (SELECT limit_key
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND priority = known.priority AND name = known.name AND limit_key < '-'
            ORDER BY limit_key LIMIT 1) IS NOT NULL OR
            (SELECT limit_key
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND priority = known.priority AND name = known.name AND limit_key > '-'
            ORDER BY limit_key LIMIT 1) IS NOT NULL",
        places: Statement(
            "
                WITH RECURSIVE head AS (
                (SELECT limit_key, scheduled_at, 1 AS number
                FROM jobs_job
                WHERE status = 0 AND queue = $1 AND priority = $2 AND name = $3 AND limit_key >= $4
                ORDER BY limit_key, scheduled_at, id LIMIT 1)
                UNION ALL
                SELECT next.limit_key, next.scheduled_at, head.number + 1
                FROM head CROSS JOIN LATERAL (
                SELECT limit_key, scheduled_at
                FROM jobs_job
                WHERE status = 0 AND queue = $1 AND priority = $2 AND name = $3 AND limit_key > head.limit_key
                ORDER BY limit_key, scheduled_at, id LIMIT 1) AS next
                WHERE head.number < $5 )
                SELECT limit_key, wait.ms AS wait_ms, scheduled_at
                FROM head CROSS JOIN LATERAL
                (SELECT CEIL(EXTRACT(EPOCH
                FROM scheduled_at - statement_timestamp()) * 1000)::bigint AS ms) AS wait",
        ),
        heads: "
            WITH head AS (
            SELECT asked.ordinal, first.scheduled_at
            FROM json_to_recordset($2::json) AS asked (ordinal bigint, priority smallint, name text, limit_key text) CROSS JOIN LATERAL (
            SELECT scheduled_at
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND priority = asked.priority AND name = asked.name AND limit_key = asked.limit_key
            ORDER BY scheduled_at, id LIMIT 1) AS first )
            SELECT ordinal, wait.ms AS wait_ms, scheduled_at
            FROM head CROSS JOIN LATERAL
            (SELECT CEIL(EXTRACT(EPOCH
            FROM scheduled_at - statement_timestamp()) * 1000)::bigint AS ms) AS wait",
        best_unlimited: "
            WITH RECURSIVE pairs AS (
            (SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1
            ORDER BY priority, name LIMIT 1)
            UNION ALL
            SELECT next.priority, next.name
            FROM pairs CROSS JOIN LATERAL (
            SELECT priority, name
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
            ORDER BY priority, name LIMIT 1) AS next ), known AS (
            SELECT priority, name
            FROM pairs
            WHERE name = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($2::json))) AND NOT EXISTS
            (SELECT 1
            FROM jobs_limit_use
            WHERE job_name = name) )
            SELECT known.priority, first.scheduled_at
            FROM known CROSS JOIN LATERAL (
            SELECT scheduled_at
            FROM jobs_job
            WHERE status = 0 AND queue = $1 AND priority = known.priority AND name = known.name AND limit_key = '-' AND scheduled_at <= statement_timestamp()
            ORDER BY scheduled_at, id LIMIT 1) AS first
            ORDER BY known.priority, first.scheduled_at LIMIT 1",
        rooms: "
            SELECT asked.ordinal, limits.counted_by, CASE WHEN asked.limit_key IS NULL AND limits.running IS NOT NULL THEN limits.running - (
            SELECT COUNT(*)
            FROM jobs_limit_use AS used CROSS JOIN LATERAL (
            SELECT 1
            FROM jobs_job
            WHERE status = 1 AND limit_key <> '-' AND name = used.job_name LIMIT limits.running) AS one
            WHERE used.scope = limits.scope) WHEN asked.limit_key IS NOT NULL AND limits.running_each IS NOT NULL THEN limits.running_each - (
            SELECT COUNT(*)
            FROM jobs_limit_use AS used CROSS JOIN LATERAL (
            SELECT 1
            FROM jobs_job
            WHERE status = 1 AND limit_key <> '-' AND name = used.job_name AND limit_key = asked.limit_key LIMIT limits.running_each) AS one
            WHERE used.scope = limits.scope) END AS room
            FROM json_to_recordset($1::json) AS asked (ordinal bigint, scope text, limit_key text) JOIN jobs_limit AS limits ON limits.scope = asked.scope",
        lock: Some(
            "SELECT stripe
                FROM jobs_limit_lock
                WHERE stripe = ANY(ARRAY(SELECT value::smallint
                FROM json_array_elements_text($1::json)))
                ORDER BY stripe FOR
                UPDATE SKIP LOCKED",
        ),
        claim: Statement(
            "
                WITH asked AS MATERIALIZED (
                SELECT *
                FROM json_to_recordset($3::json) AS asked (priority smallint, name text, limit_key text, take bigint) )
                UPDATE jobs_job
                SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $2, started_at = statement_timestamp(), progress = 0, results = NULL
                WHERE ctid = ANY(ARRAY(
                SELECT first.ctid
                FROM asked CROSS JOIN LATERAL (
                SELECT ctid, id
                FROM jobs_job
                WHERE status = 0 AND queue = $1 AND priority = asked.priority AND name = asked.name AND limit_key = asked.limit_key AND scheduled_at <= statement_timestamp() AND ($4 OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
                ORDER BY scheduled_at, id LIMIT asked.take FOR
                UPDATE SKIP LOCKED) AS first
                WHERE CASE WHEN first.id > 0 THEN EXISTS
                (SELECT 1
                FROM jobs_worker
                WHERE id = $2 FOR KEY SHARE) END))
                RETURNING id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters::text, created_at, scheduled_at, user_id, session_id, event_id, limit_key, started_at, nominal_at",
        ),
        wake: Some(
            "SELECT pg_notify('jobs_limit', name || E'\ ' || limit_key)
                FROM json_to_recordset($1::json) AS ended (name text, limit_key text)
                WHERE EXISTS
                (SELECT 1
                FROM jobs_worker
                WHERE expires_at > statement_timestamp() AND asleep IS NOT NULL AND jsonb_exists(serves -> 'names', name))",
        ),
    },
    look: "
        WITH RECURSIVE groups AS (
        SELECT served.value AS queue, next.priority, next.name
        FROM json_array_elements_text($1::json) AS served (value) CROSS JOIN LATERAL (
        SELECT priority, name
        FROM jobs_job
        WHERE status = 0 AND queue = served.value
        ORDER BY priority, name LIMIT 1) AS next
        UNION ALL
        SELECT groups.queue, next.priority, next.name
        FROM groups CROSS JOIN LATERAL (
        SELECT priority, name
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND (priority, name) > (groups.priority, groups.name)
        ORDER BY priority, name LIMIT 1) AS next )
        SELECT groups.queue, CEIL(MIN(EXTRACT(EPOCH
        FROM first.scheduled_at - statement_timestamp())) * 1000)::bigint AS wait_ms
        FROM groups CROSS JOIN LATERAL (
        SELECT scheduled_at
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = '-'
        ORDER BY scheduled_at, id LIMIT 1) AS first
        WHERE groups.name = ANY(ARRAY(SELECT value
        FROM json_array_elements_text($2::json))) AND NOT EXISTS
        (SELECT 1
        FROM jobs_limit_use
        WHERE job_name = groups.name) GROUP BY groups.queue
        UNION ALL
        SELECT name, NULL
        FROM jobs_queue
        WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > statement_timestamp())",
    due_groups: "
        WITH RECURSIVE groups AS (
        (SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE status = 0
        ORDER BY queue, priority, name, limit_key LIMIT 1)
        UNION ALL
        SELECT next.queue, next.priority, next.name, next.limit_key
        FROM groups CROSS JOIN LATERAL (
        SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE status = 0 AND (queue, priority, name, limit_key) > (groups.queue, groups.priority, groups.name, groups.limit_key)
        ORDER BY queue, priority, name, limit_key LIMIT 1) AS next )
        SELECT groups.queue, groups.priority, groups.name, MIN(first.scheduled_at)
        FROM groups CROSS JOIN LATERAL (
        SELECT scheduled_at
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = groups.limit_key
        ORDER BY scheduled_at, id LIMIT 1) AS first
        WHERE first.scheduled_at <= statement_timestamp() GROUP BY groups.queue, groups.priority, groups.name",
    depths: "
        WITH RECURSIVE groups AS (
        (SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE status = 0
        ORDER BY queue, priority, name, limit_key LIMIT 1)
        UNION ALL
        SELECT next.queue, next.priority, next.name, next.limit_key
        FROM groups CROSS JOIN LATERAL (
        SELECT queue, priority, name, limit_key
        FROM jobs_job
        WHERE status = 0 AND (queue, priority, name, limit_key) > (groups.queue, groups.priority, groups.name, groups.limit_key)
        ORDER BY queue, priority, name, limit_key LIMIT 1) AS next )
        SELECT waiting.queue, 0::smallint AS status, waiting.first_due, statement_timestamp() AS now,
        (SELECT COUNT(*)
        FROM
        (SELECT 1
        FROM jobs_job
        WHERE status = 0 AND queue = waiting.queue
        ORDER BY queue, priority, name, limit_key, scheduled_at, id LIMIT $1) AS counted) AS jobs
        FROM
        (SELECT groups.queue, MIN(first.scheduled_at) AS first_due
        FROM groups CROSS JOIN LATERAL (
        SELECT scheduled_at
        FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = groups.limit_key
        ORDER BY scheduled_at, id LIMIT 1) AS first GROUP BY groups.queue) AS waiting
        UNION ALL
        SELECT queue, status, NULL, statement_timestamp(), COUNT(*)
        FROM jobs_job
        WHERE status = 1 GROUP BY queue, status",
    of_groups: "(queue, priority, name) IN (
        SELECT queue, priority, name
        FROM json_to_recordset($1::json) AS groups (queue text, priority smallint, name text))",
    complete: "
        WITH done AS MATERIALIZED (
        SELECT *
        FROM json_to_recordset($1::json) AS done (id bigint, version bigint, results text) ), own AS MATERIALIZED (
        SELECT job.ctid, job.id, done.version, job.awaited
        FROM done CROSS JOIN LATERAL (
        SELECT ctid, id, awaited
        FROM jobs_job
        WHERE id = done.id AND version = done.version FOR
        UPDATE SKIP LOCKED) AS job ), told AS (
        SELECT count(pg_notify('jobs_finish', id::text)) AS jobs
        FROM own
        WHERE awaited )
        UPDATE jobs_job
        SET version = version + 1, status = 4, finished_at = statement_timestamp(), progress = 100, results = COALESCE(((SELECT jsonb_object_agg(id, done.results)
        FROM done JOIN own USING (id, version)
        WHERE done.results IS NOT NULL) ->> (id::text))::json, results)
        WHERE ctid = ANY(ARRAY(SELECT ctid
        FROM own)) AND
        (SELECT jobs
        FROM told) >= 0",
    progress: None,
    finish: Statement(
        "
            WITH ended AS MATERIALIZED (
            SELECT *
            FROM json_to_recordset($1::json) AS ended ( id bigint, version bigint, status smallint, delay_ms bigint, attempt_change integer, max_attempts_change integer, progress smallint, results text, how text, error text, worker text, owner bigint) ), own AS MATERIALIZED (
            SELECT job.id, job.version, job.attempt, job.started_at
            FROM jobs_job AS job JOIN ended ON ended.id = job.id AND ended.version = job.version
            ORDER BY job.id FOR
            UPDATE OF job SKIP LOCKED ), history AS (
            INSERT INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
            SELECT own.id, own.attempt, ended.version, ended.worker, own.started_at, statement_timestamp(), ended.how, ended.error
            FROM own JOIN ended USING (id, version)
            WHERE ended.how IS NOT NULL ON CONFLICT DO NOTHING ), said AS (
            INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT own.id, message.attempt, message.version, message.number, message.level, statement_timestamp() - message.age_ms * interval '1 millisecond', message.text
            FROM json_to_recordset($2::json) AS message ( job_id bigint, attempt integer, version bigint, number bigint, level smallint, age_ms bigint, text text) JOIN own ON own.id = message.job_id AND own.version = message.version ON CONFLICT DO NOTHING ), finished AS (
            UPDATE jobs_job AS job
            SET version = job.version + 1, worker_id = ended.owner, status = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END, scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL THEN statement_timestamp() + ended.delay_ms * interval '1 millisecond' ELSE job.scheduled_at END, started_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE job.started_at END, finished_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE statement_timestamp() END, attempt = job.attempt + ended.attempt_change, max_attempts = job.max_attempts + ended.max_attempts_change, progress = COALESCE(ended.progress, job.progress), results = COALESCE(ended.results::json, job.results), last_error = COALESCE(ended.error, job.last_error)
            FROM own JOIN ended USING (id, version)
            WHERE job.id = own.id
            RETURNING job.id, ended.version, job.status, job.awaited, job.queue, job.scheduled_at ), told AS (
            SELECT count(pg_notify('jobs_finish', id::text)) AS jobs
            FROM finished
            WHERE awaited AND status >= 2 ), woken AS (
            SELECT count(pg_notify('jobs_wake', due.queue)) AS queues
            FROM
            (SELECT DISTINCT queue
            FROM finished
            WHERE status = 0 AND scheduled_at < statement_timestamp() + interval '1 minute') AS due
            WHERE EXISTS
            (SELECT 1
            FROM jobs_worker
            WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, due.queue)) )
            SELECT id, version
            FROM finished
            WHERE
            (SELECT jobs
            FROM told) +
            (SELECT queues
            FROM woken) >= 0",
    ),
    report: Statement(
        "
            WITH reported AS MATERIALIZED (
            SELECT *
            FROM json_to_recordset($1::json) AS reported (id bigint, version bigint, progress smallint, results text) ), own AS MATERIALIZED (
            SELECT job.id, job.version
            FROM jobs_job AS job JOIN reported ON reported.id = job.id AND reported.version = job.version
            ORDER BY job.id FOR
            UPDATE OF job SKIP LOCKED ), said AS (
            INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
            SELECT own.id, message.attempt, message.version, message.number, message.level, statement_timestamp() - message.age_ms * interval '1 millisecond', message.text
            FROM json_to_recordset($2::json) AS message ( job_id bigint, attempt integer, version bigint, number bigint, level smallint, age_ms bigint, text text) JOIN own ON own.id = message.job_id AND own.version = message.version ON CONFLICT DO NOTHING ), written AS (
            UPDATE jobs_job AS job
            SET progress = COALESCE(reported.progress, job.progress), results = COALESCE(reported.results::json, job.results)
            FROM own JOIN reported USING (id, version)
            WHERE job.id = own.id AND (reported.progress IS NOT NULL OR reported.results IS NOT NULL) )
            SELECT id, version
            FROM own",
    ),
    join: One(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) VALUES ($1, $2, $3, statement_timestamp(), statement_timestamp(), statement_timestamp() + $4 * interval '1 millisecond', $5::jsonb)
            RETURNING id",
    ),
    beat: Statement(
        "
            WITH beat AS (
            UPDATE jobs_worker
            SET last_seen_at = statement_timestamp(), expires_at = statement_timestamp() + $1 * interval '1 millisecond', resumed_at = CASE WHEN expires_at < statement_timestamp() THEN statement_timestamp() ELSE resumed_at END
            WHERE id = $2
            RETURNING id )
            SELECT job.id, job.version, job.cancel_requested_at
            FROM beat LEFT JOIN jobs_job AS job ON job.worker_id = beat.id AND job.status = 1",
    ),
    has_orphans: "( EXISTS
        (SELECT 1
        FROM jobs_job
        WHERE status = 1 AND worker_id IS NULL) OR
        (SELECT worker_id
        FROM jobs_job
        WHERE status = 1 AND worker_id > COALESCE((SELECT MAX(id)
        FROM jobs_worker), 0)
        ORDER BY worker_id LIMIT 1) IS NOT NULL OR EXISTS (
        SELECT 1
        FROM
        (SELECT id, LAG(id, 1, 0::bigint) OVER
        (ORDER BY id) AS previous
        FROM jobs_worker) AS worker
        WHERE
        (SELECT worker_id
        FROM jobs_job
        WHERE status = 1 AND worker_id > worker.previous AND worker_id < worker.id
        ORDER BY worker_id LIMIT 1) IS NOT NULL))",
    lock_one: "SELECT id
        FROM jobs_job
        WHERE id = $1 FOR
        UPDATE SKIP LOCKED",
    hold: "SELECT job.id, job.queue, job.status, job.awaited, job.unique_key
        FROM jobs_job AS job JOIN json_to_recordset($1::json) AS seen (id bigint, version bigint) ON seen.id = job.id AND seen.version = job.version
        ORDER BY job.id FOR
        UPDATE OF job SKIP LOCKED",
    expired: "SELECT id
        FROM jobs_job
        WHERE status = $1 AND status >= 2 AND finished_at < statement_timestamp() - $2 * interval '1 millisecond'
        ORDER BY finished_at LIMIT
        (SELECT $3::bigint) FOR
        UPDATE SKIP LOCKED",
    delete: [
        "UPDATE jobs_unique
            SET version = NULL
            WHERE ctid = ANY(ARRAY(
            SELECT jobs_unique.ctid
            FROM jobs_job JOIN jobs_unique ON jobs_unique.unique_key = jobs_job.unique_key AND jobs_unique.job_id = jobs_job.id
            WHERE jobs_job.id = ANY(ARRAY(SELECT value::bigint
            FROM json_array_elements_text($1::json)))
            ORDER BY jobs_unique.unique_key FOR
            UPDATE OF jobs_unique))",
        "DELETE
            FROM jobs_message
            WHERE job_id IN
            (SELECT value::bigint
            FROM json_array_elements_text($1::json))",
        "DELETE
            FROM jobs_attempt
            WHERE job_id IN
            (SELECT value::bigint
            FROM json_array_elements_text($1::json))",
    ],
    delete_jobs: "DELETE
        FROM jobs_job
        WHERE id IN
        (SELECT value::bigint
        FROM json_array_elements_text($1::json))",
    mark_awaited: Some(
        "UPDATE jobs_job
            SET awaited = TRUE
            WHERE id = ANY(ARRAY(
            SELECT id
            FROM jobs_job
            WHERE id = ANY(ARRAY(SELECT value::bigint
            FROM json_array_elements_text($1::json))) AND status < 2 AND NOT awaited
            ORDER BY id FOR
            UPDATE SKIP LOCKED))",
    ),
    statuses: "SELECT id, status
        FROM jobs_job
        WHERE id = ANY(ARRAY(SELECT value::bigint
        FROM json_array_elements_text($1::json)))",
    news: "
        SELECT asked.place, job.version, job.status, job.attempt, job.progress, job.scheduled_at, job.cancel_requested_at, CASE WHEN job.status = 0 THEN job.last_error END, message.version, message.number, message.attempt, message.level, message.created_at, message.text
        FROM json_to_recordset($1::json) AS asked (place bigint, id bigint, version bigint, number bigint) JOIN jobs_job AS job ON job.id = asked.id LEFT JOIN LATERAL (
        SELECT *
        FROM jobs_message
        WHERE job_id = asked.id AND (version, number) > (asked.version, asked.number)
        ORDER BY version, number LIMIT 100) AS message ON TRUE",
    audit: "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
        SELECT statement_timestamp(), $1, $2, $3, value, $4, $5, $6::text::json
        FROM
        (SELECT value::bigint
        FROM json_array_elements_text($7::json)) AS jobs",
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES ($1, $2, $3, $4::text::json, $5::text::json) ON CONFLICT (period, starts_at, worker_id) DO
        UPDATE
        SET total = excluded.total, by_job = excluded.by_job",
    advance: "UPDATE jobs_job
        SET scheduled_at = scheduled_at - $1 * interval '1 millisecond'
        WHERE status = 0",
    unique: Unique {
        insert: Statement(
            InsertJobs {
                mixed: "
                    WITH new AS MATERIALIZED (
                    SELECT nextval('jobs_job_id_seq') AS id, given.*
                    FROM ROWS
                    FROM (json_to_recordset($1::json) AS ( name text, queue text, priority smallint, max_attempts integer, timeout_ms bigint, parameters text, at timestamptz, delay_ms bigint, user_id text, session_id text, event_id text, limit_key text, unique_key text, unique_while smallint, within_ms bigint)) AS given ), taken AS (
                    INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                    SELECT unique_key, id, 0, statement_timestamp() + within_ms * interval '1 millisecond'
                    FROM new
                    ORDER BY unique_key COLLATE "C" ON CONFLICT DO NOTHING
                    RETURNING job_id ), inserted AS (
                    INSERT INTO jobs_job (id, name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while)
                    SELECT id, name, queue, priority, max_attempts, max_attempts, timeout_ms, parameters::json, statement_timestamp(), COALESCE(at, statement_timestamp() + COALESCE(delay_ms, 0) * interval '1 millisecond'), user_id, session_id, event_id, limit_key, unique_key, unique_while
                    FROM new
                    WHERE id IN
                    (SELECT job_id
                    FROM taken)
                    RETURNING queue, scheduled_at ), woken AS (
                    SELECT count(pg_notify('jobs_wake', due.queue)) AS queues
                    FROM
                    (SELECT DISTINCT queue
                    FROM inserted
                    WHERE scheduled_at < statement_timestamp() + interval '1 minute') AS due
                    WHERE EXISTS
                    (SELECT 1
                    FROM jobs_worker
                    WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, due.queue)) )
                    SELECT job_id
                    FROM taken
                    WHERE
                    (SELECT queues
                    FROM woken) >= 0",
                uniform: "
                    WITH new AS MATERIALIZED (
                    SELECT nextval('jobs_job_id_seq') AS id, given.key AS unique_key, given.value AS parameters, COALESCE($7::text::timestamptz, statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond') AS scheduled_at
                    FROM json_each($1::text::json) AS given ), taken AS (
                    INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                    SELECT unique_key, id, 0, statement_timestamp() + $14::bigint * interval '1 millisecond'
                    FROM new
                    ORDER BY unique_key COLLATE "C" ON CONFLICT DO NOTHING
                    RETURNING job_id ), inserted AS (
                    INSERT INTO jobs_job (id, name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, user_id, session_id, event_id, limit_key, unique_key, unique_while)
                    SELECT id, $2, $3, $4::smallint, $5::integer, $5::integer, $6::bigint, parameters, statement_timestamp(), scheduled_at, $9::text, $10::text, $11::text, $12::text, unique_key, $13::smallint
                    FROM new
                    WHERE id IN
                    (SELECT job_id
                    FROM taken)
                    RETURNING scheduled_at ), woken AS (
                    SELECT count(pg_notify('jobs_wake', $3)) AS queues
                    FROM
                    (SELECT 1
                    FROM inserted
                    WHERE scheduled_at < statement_timestamp() + interval '1 minute' LIMIT 1) AS due
                    WHERE EXISTS
                    (SELECT 1
                    FROM jobs_worker
                    WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, $3)) )
                    SELECT job_id
                    FROM taken
                    WHERE
                    (SELECT queues
                    FROM woken) >= 0",
            },
        ),
        acquire: Json(
            "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                SELECT unique_key, job_id, version, statement_timestamp() + within_ms * interval '1 millisecond'
                FROM json_to_recordset($1::json) AS new (unique_key text, job_id bigint, version bigint, within_ms bigint)
                ORDER BY unique_key COLLATE "C" ON CONFLICT DO NOTHING",
        ),
        holder_if_certain: None,
        holders: "SELECT unique_key, job_id, version, COALESCE(expires_at > statement_timestamp(), FALSE) AS is_open, current_setting('transaction_isolation') <> 'read committed' AS may_be_old
            FROM jobs_unique
            WHERE unique_key = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($1::json)))",
        jobs: "SELECT id, version, status, unique_while
            FROM jobs_job
            WHERE id = ANY(ARRAY(SELECT value::bigint
            FROM json_array_elements_text($1::json)))",
        locked_jobs: "SELECT id, version, status, unique_while
            FROM jobs_job
            WHERE id = ANY(ARRAY(SELECT value::bigint
            FROM json_array_elements_text($1::json)))
            ORDER BY id FOR UPDATE",
        release: "DELETE
            FROM jobs_unique
            WHERE ctid = ANY(ARRAY(
            SELECT jobs_unique.ctid
            FROM json_to_recordset($1::json) AS seen (unique_key text, job_id bigint, version bigint) JOIN jobs_unique ON jobs_unique.unique_key = seen.unique_key AND jobs_unique.job_id = seen.job_id AND jobs_unique.version IS NOT DISTINCT
            FROM seen.version
            ORDER BY jobs_unique.unique_key FOR
            UPDATE OF jobs_unique))",
        keep: "UPDATE jobs_unique
            SET version = kept.version
            FROM
            (SELECT jobs_unique.ctid AS place, seen.version
            FROM json_to_recordset($1::json) AS seen (unique_key text, job_id bigint, version bigint) JOIN jobs_unique ON jobs_unique.unique_key = seen.unique_key AND jobs_unique.job_id = seen.job_id
            ORDER BY jobs_unique.unique_key FOR
            UPDATE OF jobs_unique) AS kept
            WHERE jobs_unique.ctid = kept.place",
        replace: "UPDATE jobs_job
            SET scheduled_at = COALESCE($1::text::timestamptz, statement_timestamp() + COALESCE($2::bigint, 0) * interval '1 millisecond'), parameters = $3::text::json, limit_key = $4, version = version + 1
            WHERE id = $5 AND version = $6 AND status = 0",
        left: "SELECT unique_key
            FROM jobs_unique
            WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= statement_timestamp()) LIMIT $1 FOR
            UPDATE SKIP LOCKED",
        sweep: "DELETE
            FROM jobs_unique
            WHERE unique_key IN
            (SELECT json_array_elements_text($1::json))",
    },
    cron: Cron {
        due_in: "SELECT CEIL(EXTRACT(EPOCH
            FROM next_at - statement_timestamp()) * 1000)::bigint AS wait_ms
            FROM jobs_cron
            WHERE paused_at IS NULL AND next_at IS NOT NULL AND job = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($1::json))) AND name <> ALL(ARRAY(SELECT value
            FROM json_array_elements_text($2::json)))
            ORDER BY next_at LIMIT 1",
        due: "SELECT jobs_cron.*, statement_timestamp() AS now
            FROM jobs_cron
            WHERE paused_at IS NULL AND next_at <= statement_timestamp() AND job = ANY(ARRAY(SELECT value
            FROM json_array_elements_text($1::json))) AND name <> ALL(ARRAY(SELECT value
            FROM json_array_elements_text($2::json)))
            ORDER BY next_at LIMIT
            (SELECT $3::bigint) FOR
            UPDATE SKIP LOCKED",
        fired: "SELECT wanted.ordinal
            FROM json_to_recordset($1::json) AS wanted (ordinal bigint, schedule text, nominal_at timestamptz) JOIN jobs_cron_firing AS firing ON firing.schedule = wanted.schedule AND firing.nominal_at = wanted.nominal_at",
        record: "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
            SELECT schedule, nominal_at, job_id, statement_timestamp()
            FROM json_to_recordset($1::json) AS fired (schedule text, nominal_at timestamptz, job_id bigint)",
        nominal: "UPDATE jobs_job
            SET nominal_at = fired.nominal_at
            FROM json_to_recordset($1::json) AS fired (nominal_at timestamptz, job_id bigint)
            WHERE jobs_job.id = fired.job_id",
        hold: "UPDATE jobs_unique
            SET expires_at = held.expires_at
            FROM json_to_recordset($1::json) AS held (unique_key text, job_id bigint, expires_at timestamptz)
            WHERE jobs_unique.unique_key = held.unique_key AND jobs_unique.job_id = held.job_id",
        set_next: "UPDATE jobs_cron
            SET next_at = fired.next_at
            FROM json_to_recordset($1::json) AS fired (schedule text, next_at timestamptz)
            WHERE jobs_cron.name = fired.schedule",
        forget: "DELETE
            FROM jobs_cron_firing AS old USING
            (SELECT fired.schedule,
            (SELECT nominal_at
            FROM jobs_cron_firing
            WHERE schedule = fired.schedule
            ORDER BY nominal_at DESC LIMIT 1 OFFSET 99) AS oldest
            FROM json_array_elements_text($1::json) AS fired (schedule)) AS kept
            WHERE old.schedule = kept.schedule AND old.nominal_at < kept.oldest",
        forget_all: "DELETE
            FROM jobs_cron_firing
            WHERE schedule = $1",
    },
}
by_id: UPDATE `jobs_job` SET `priority` = 1 WHERE `id` = 1
by_ids: UPDATE `jobs_job` SET `priority` = 1 WHERE id = ANY(ARRAY(SELECT value::bigint FROM json_array_elements_text($1::json)))
insert_or_ignore: INSERT INTO jobs_cron (name) VALUES (1) ON CONFLICT DO NOTHING
