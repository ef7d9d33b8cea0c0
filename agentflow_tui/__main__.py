"""``python -m agentflow_tui`` is ``agentflow``."""

from agentflow_tui.cli.main import run

if __name__ == "__main__":
    run()
