DROP TABLE jobs_queue;
DROP TABLE jobs_worker;
DROP TABLE jobs_attempt;
DROP TABLE jobs_message;
DROP TABLE jobs_job;
