DROP TABLE IF EXISTS jobs_cron_firing;
DROP TABLE IF EXISTS jobs_cron;
DROP TABLE IF EXISTS jobs_unique;
DROP TABLE IF EXISTS jobs_queue;
DROP TABLE IF EXISTS jobs_worker;
DROP TABLE IF EXISTS jobs_attempt;
DROP TABLE IF EXISTS jobs_message;
DROP TABLE IF EXISTS jobs_job;
