"""Whose a row is: people by name, in any list whose table has a ``userId``."""

from agentflow_tui.store.reading.listings import Computed


def owner(alias: str = "u") -> Computed:
    """The name of the joined user, else the address; NULL where there is no such user."""
    first, last, email = (
        f"{{{alias}.users.{name}}}" for name in ("firstName", "lastName", "email")
    )
    return Computed(
        f"coalesce(nullif(concat_ws(' ', {first}, {last}), ''), {email})",
        joined=True,
        searched=True,
    )


def join_owner(table: str) -> str:
    """The join that `owner` needs: one look at a primary key a row."""
    return f"LEFT JOIN {{users?}} u ON {{u.users.id}} = {{q.{table}.userId}}"
