"""The sample rows with their outcomes, as rows of a database and as the vault takes them."""

import json
from pathlib import Path
from typing import Any

from agentflow_tui.store.connection.database import Database
from agentflow_tui.vault.formats import SealedRow

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "vault.json").read_text()
)["cases"]

HEX_KEY = "7f7a27ac5a283c83bfe366efd791a403658953a76b7e0a095bd14b7bfb0c2f93"
SECRET = 'p@ss wörd ✓ "q"'
DATA = {"username": "dealer7", "password": SECRET, "dealerId": "0042"}


def case_id(case: dict[str, Any]) -> str:
    return str(case.get("id", f"6f1c1b1e-0000-4000-8000-0000000001{case['case']:02}"))


def sealed(case: dict[str, Any]) -> SealedRow:
    return SealedRow(
        id=case_id(case),
        blob=case["encryptedData"],
        iv=case["iv"],
        tag=case.get("authTag"),
        salt=case.get("salt"),
        key_version=str(case["keyVersion"]) if "keyVersion" in case else None,
    )


def environ(case: dict[str, Any]) -> dict[str, str]:
    return {name: value for name, value in case.items() if name.startswith("ENCR") and value}


def case(number: int) -> dict[str, Any]:
    return next(each for each in CASES if each["case"] == number)


async def add_companions(database: Database) -> None:
    """The columns that AgentFlow's later generations keep tag, salt and version in."""
    await database.execute(
        "ALTER TABLE credentials ADD auth_tag text, ADD salt text, ADD key_version int"
    )
    await database.rebind()


async def insert(database: Database, row: SealedRow, label: str = "a label") -> None:
    """Put a row into ``credentials``; its tag and salt where there are columns for them."""
    version = None if row.key_version is None else int(row.key_version)
    more = {"auth_tag": row.tag, "salt": row.salt, "key_version": version}
    more = {name: value for name, value in more.items() if value is not None}
    names = "".join(f", {name}" for name in more)
    places = "".join(f", ${place}" for place in range(5, 5 + len(more)))
    await database.execute(
        "INSERT INTO credentials (id, platform, label, encrypteddata, iv, active, createdat, "
        f"updatedat{names}) VALUES ($1, 'vinsolutions', $2, $3, $4, true, now(), now(){places})",
        row.id, label, row.blob, row.iv, *more.values(),
    )  # fmt: skip
