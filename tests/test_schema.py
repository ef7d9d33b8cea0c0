"""The description of the tables agrees with the database document."""

import re
from pathlib import Path

from agentflow_tui.schema import RELATIONS, TABLES, find_table

DOCUMENT = (Path(__file__).parent.parent / "docs" / "database-schema.md").read_text()


def test_tables_columns_and_types_are_the_documented_ones() -> None:
    documented = {
        section.split("`")[0]: re.findall(r"^\| `(\w+)` \| `(\w+)` \|", section, re.MULTILINE)
        for section in DOCUMENT.split("\n#### `")[1:]
    }
    described = {
        table.document_name: [(column.name, column.type) for column in table.columns]
        for table in TABLES.values()
    }
    assert described == documented


def test_relations_are_the_documented_ones() -> None:
    documented = re.findall(r"^- `(\w+)\.(\w+)` → `(\w+)\.(\w+)`", DOCUMENT, re.MULTILINE)
    described = [
        (
            TABLES[relation.table].document_name,
            relation.column,
            TABLES[relation.target].document_name,
            relation.target_column,
        )
        for relation in RELATIONS
    ]
    assert sorted(described) == sorted(documented)


def test_a_table_is_found_by_any_spelling() -> None:
    assert {
        find_table(name) for name in ("email_queue", "emailQueue", "emailqueue", "EMAIL_QUEUE")
    } == {TABLES["email_queue"]}
    assert find_table("nonsense") is None
