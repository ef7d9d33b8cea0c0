"""``agentflow steps schema``: a JSON Schema of workflow files."""

import argparse
import json
import sys
from typing import Any

from agentflow_tui.cli.output import put


def add_options(parser: argparse.ArgumentParser, _name: str) -> None:
    """The commands below this one."""
    parser.set_defaults(run=run, parser=parser)
    below: Any = parser.add_subparsers(title="commands", metavar="")
    about = "Print a JSON Schema of workflow files, for editors."
    schema: argparse.ArgumentParser = below.add_parser("schema", help=about, description=about)
    schema.set_defaults(run=print_schema)


def run(options: argparse.Namespace) -> int:
    """Say which commands there are."""
    options.parser.print_help(sys.stderr)
    return 2


def print_schema(_options: argparse.Namespace) -> int:
    """Print the schema, of the step types that are installed here."""
    from agentflow_tui.steps.registry import load
    from agentflow_tui.steps.schemas import workflow_schema

    put(json.dumps(workflow_schema(load().handlers), indent=2, ensure_ascii=False))
    return 0
