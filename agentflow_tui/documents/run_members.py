"""The members of ``workflows.context`` that runs keep for themselves, beside each step's result."""

RUN_STATE_KEY = "_run"
"""What the runner knows of the run (`agentflow_tui.workers.runner.run_state`)."""

LAST_RESULT_KEY = "__lastStepResult"
"""The result of the step that was taken last, as AgentFlow's own backend keeps it, too."""

RESERVED_KEYS = frozenset({RUN_STATE_KEY, LAST_RESULT_KEY})
"""What no step may be called."""
