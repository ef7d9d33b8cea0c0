"""What people call a status, where the word that is stored says something else to them."""

_WORDS = {
    "email_queue": {"completed": "sent", "pending": "waiting", "processing": "leaving"},
    "workflows": {"pending": "waiting"},
}


def status_word(table: str, status: str | None) -> str:
    """A status as it is said in a sentence about rows of a table."""
    return _WORDS.get(table, {}).get(status or "", status or "without a status")
