"""The embedded PostgreSQL: a server of one's own when no database is configured."""
