"""The way to the database: connections, statements, names, notifications, errors."""
