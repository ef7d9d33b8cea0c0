"""The documented tables in a database: creating them and filling them with rows."""
