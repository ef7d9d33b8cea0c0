"""Files to begin with, which say what can stand in them."""

from importlib.resources import files

from agentflow_tui.workflow_files.checking import FileKind


def example(kind: FileKind) -> str:
    """The commented example of such a file."""
    return (files(__name__) / f"{kind}.yaml").read_text(encoding="utf-8")
