"""The tables of AgentFlow's own program as it makes them, with rows as its code writes them.

`DDL` is the shape that is farthest from the document: snake_case names, columns under other names,
columns that must have a value, and a mail queue that holds its mail itself.
"""

from agentflow_tui.store.connection.database import Database

DDL = """
CREATE TABLE users (
  id varchar PRIMARY KEY, email varchar UNIQUE, first_name varchar, last_name varchar,
  profile_image_url varchar,
  created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE sessions (
  sid varchar PRIMARY KEY, sess jsonb NOT NULL, expire timestamp NOT NULL);
CREATE TABLE credentials (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id varchar NOT NULL REFERENCES users (id),
  platform varchar NOT NULL, label varchar, encrypted_data text NOT NULL, iv text NOT NULL,
  refresh_token text, refresh_token_expiry timestamp, active boolean DEFAULT true,
  created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE api_keys (
  id varchar PRIMARY KEY, key_name varchar NOT NULL UNIQUE, key_value text NOT NULL, auth_tag text,
  key_version integer, permissions jsonb, role varchar, active boolean DEFAULT true,
  rotated_at timestamp, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE task_logs (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id varchar, task_type varchar NOT NULL,
  task_text text NOT NULL, task_data jsonb, status varchar NOT NULL, result jsonb, error text,
  created_at timestamp DEFAULT now(), completed_at timestamp);
CREATE TABLE workflows (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id varchar REFERENCES users (id),
  steps jsonb NOT NULL, current_step integer NOT NULL DEFAULT 0, context jsonb DEFAULT '{}',
  status varchar NOT NULL DEFAULT 'pending', last_error text, locked boolean DEFAULT false,
  locked_at timestamp, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE schedules (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id varchar REFERENCES users (id),
  workflow_id uuid REFERENCES workflows (id), intent varchar, platform varchar, cron text NOT NULL,
  enabled boolean NOT NULL DEFAULT true, status varchar DEFAULT 'active',
  retry_count integer DEFAULT 0, last_run_at timestamp, next_run_at timestamp,
  created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE report_sources (
  id uuid PRIMARY KEY, vendor varchar NOT NULL, created_at timestamp DEFAULT now());
CREATE TABLE reports (
  id uuid PRIMARY KEY, source_id uuid NOT NULL REFERENCES report_sources (id),
  vendor varchar NOT NULL, report_type varchar, report_date timestamp,
  report_data jsonb NOT NULL, record_count integer NOT NULL, status varchar NOT NULL,
  metadata jsonb, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
CREATE TABLE insights (
  id uuid PRIMARY KEY, report_id uuid NOT NULL REFERENCES reports (id), insight_type varchar,
  insight_data jsonb NOT NULL, overall_score real, quality_scores jsonb, business_impact jsonb,
  prompt_version varchar, created_at timestamp DEFAULT now());
CREATE TABLE insight_distributions (
  id uuid PRIMARY KEY, insight_id uuid NOT NULL REFERENCES insights (id),
  recipient_email varchar NOT NULL, recipient_role varchar, email_status varchar,
  email_sent boolean DEFAULT false, email_sent_date timestamp, email_log_id uuid,
  created_at timestamp DEFAULT now());
CREATE TABLE emails (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workflow_id uuid, recipient_email varchar NOT NULL,
  subject text NOT NULL, body text, html_body text, sent_at timestamp,
  created_at timestamp DEFAULT now());
CREATE TABLE email_queue (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(), recipient_email varchar NOT NULL,
  subject varchar NOT NULL, body text NOT NULL, html_body text, options jsonb,
  status varchar NOT NULL DEFAULT 'pending', attempts integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 3, last_error text, process_after timestamp,
  created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now(), sent_at timestamp);
CREATE TABLE health_checks (
  id varchar PRIMARY KEY, name varchar NOT NULL, status varchar NOT NULL,
  response_time integer NOT NULL, last_checked timestamp NOT NULL, message text, details text,
  created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now());
"""

USER = "auth0|7"
SOURCE = "00000000-0000-4000-8000-000000000001"
REPORT = "00000000-0000-4000-8000-000000000002"
INSIGHT = "00000000-0000-4000-8000-000000000003"
DISTRIBUTION = "00000000-0000-4000-8000-000000000004"
WORKFLOW = "00000000-0000-4000-8000-000000000005"
SCHEDULE = "00000000-0000-4000-8000-000000000006"
MAIL = "00000000-0000-4000-8000-000000000007"
MESSAGE = "00000000-0000-4000-8000-000000000008"

ROWS = f"""
INSERT INTO users (id, email, first_name, last_name)
  VALUES ('{USER}', 'ann@dealer.test', 'Ann', 'Lee');
INSERT INTO report_sources (id, vendor) VALUES ('{SOURCE}', 'VinSolutions');
INSERT INTO reports (id, source_id, vendor, report_type, report_date, report_data, record_count,
                     status)
  VALUES ('{REPORT}', '{SOURCE}', 'VinSolutions', 'leads', '2026-11-20',
          '[{{"lead": "Al", "source": "web"}}, {{"lead": "Bo", "source": "phone"}}]', 2,
          'analyzed');
INSERT INTO insights (id, report_id, insight_type, insight_data, overall_score, quality_scores,
                      business_impact, prompt_version)
  VALUES ('{INSIGHT}', '{REPORT}', 'lead_performance',
          '{{"title": "Web leads grow", "description": "Up by a third.", "actionItems": ["Call"]}}',
          8.5, '{{"clarity": 9}}', '{{"score": 7}}', 'v2.1');
INSERT INTO insight_distributions (id, insight_id, recipient_email, recipient_role, email_status,
                                   email_sent, email_sent_date)
  VALUES ('{DISTRIBUTION}', '{INSIGHT}', 'boss@dealer.test', 'EXECUTIVE', 'sent', true,
          '2026-11-21 08:00');
INSERT INTO workflows (id, user_id, steps, current_step, context, status, updated_at)
  VALUES ('{WORKFLOW}', '{USER}',
    '[{{"id": "in", "type": "emailIngestion", "name": "Fetch", "retries": 1,
        "config": {{"platform": "VinSolutions", "searchCriteria": {{"subject": "Leads"}}}}}},
      {{"id": "insights", "type": "insightGeneration", "name": "Analyse",
        "config": {{"platform": "VinSolutions"}}}}]', 1,
    '{{"in": {{"success": true, "data": {{"message": "1 report"}}}},
       "__lastStepResult": {{"success": true, "data": {{"message": "1 report"}}}}}}',
    'paused', now());
INSERT INTO schedules (id, user_id, workflow_id, intent, platform, cron, status)
  VALUES ('{SCHEDULE}', '{USER}', '{WORKFLOW}', 'fetch leads', 'VinSolutions', '0 8 * * *',
          'paused');
INSERT INTO emails (id, recipient_email, subject, body, html_body, sent_at)
  VALUES ('{MESSAGE}', 'ann@dealer.test', 'Your leads', 'Two leads.', '<p>Two leads.</p>', now());
INSERT INTO email_queue (id, recipient_email, subject, body, html_body, options)
  VALUES ('{MAIL}', 'ann@dealer.test', 'Your leads', 'Two leads.', '<p>Two <b>leads</b>.</p>',
          '{{"cc": "bo@dealer.test"}}');
INSERT INTO task_logs (user_id, task_type, task_text, task_data, status, result, completed_at)
  VALUES ('{USER}', 'fetchCRMReport', 'Fetch the leads of VinSolutions', '{{"platform": "Vin"}}',
          'completed', '{{"records": 2}}', now());
INSERT INTO health_checks (id, name, status, response_time, last_checked, message, details)
  SELECT id, name, 'ok', 12, now(), 'All is well', '{{"by": "AgentFlow"}}'
    FROM (VALUES ('database', 'Database'), ('email', 'Email Service'), ('ai', 'AI Service'),
                 ('scheduler', 'Scheduler Service')) AS theirs (id, name);
INSERT INTO sessions (sid, sess, expire)
  VALUES ('s1', '{{"cookie": {{"originalMaxAge": 604800000, "httpOnly": true, "path": "/"}},
    "passport": {{"user": {{"claims":
      {{"sub": "{USER}", "email": "ann@dealer.test", "exp": 1800000000}},
    "access_token": "at-4711-live-token", "refresh_token": "rt-0815-live-token",
    "expires_at": 1800000000}}}}}}', now() + interval '1 day');
"""


async def make_agentflows_tables(url: str, *, rows: bool = True) -> Database:
    """A database as AgentFlow's own program leaves it."""
    database = await Database.open(url)
    async with database.session() as session:
        await session.connection.execute(DDL)
        if rows:
            await session.connection.execute(ROWS)
    await database.rebind()
    return database
