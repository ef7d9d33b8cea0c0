"""The database: the only place that knows asyncpg and SQL."""
