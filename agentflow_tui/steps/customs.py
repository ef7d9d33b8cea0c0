"""``custom``: a function that an installed package registers under the entry points' group."""

from collections.abc import Callable, Mapping
from typing import Any

from agentflow_tui.dataclass import dataclass
from agentflow_tui.steps.calls import Call, Handler
from agentflow_tui.steps.configs import ConfigError
from agentflow_tui.text import safe

Function = Callable[[Call[Any]], Any]
"""What can be registered: takes the `Call`, answers with a JSON value or an `Outcome`; may be a
coroutine function or a plain one, and may block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomConfig:
    """``function`` is the registered name; ``input`` is whatever that function wants.

    ``operation`` and ``parameters`` are AgentFlow's own, which gives them back as they are.
    """

    function: str | None = None
    input: Any = None
    operation: Any = None
    parameters: Any = None

    def __post_init__(self) -> None:
        if (self.function is None) == (self.operation is None):
            raise ValueError("function is missing, the name of a registered one")


def custom(functions: Mapping[str, Function], broken: Mapping[str, str]) -> Handler[CustomConfig]:
    """The handler over the functions that are installed; ``broken`` says why others are not."""

    def verify(config: CustomConfig) -> None:
        if config.function is None or config.function in functions:
            return
        name = safe(config.function, 40)
        if config.function in broken:
            raise ConfigError(
                f"config.function: '{name}' cannot be loaded: {broken[config.function]}"
            )
        known = ", ".join(sorted(functions)) or "none"
        raise ConfigError(
            f"config.function: no function is registered as '{name}'; known are: {known}. "
            "Install the package that brings it where the worker runs."
        )

    def run(call: Call[CustomConfig]) -> Any:
        config = call.config
        verify(config)
        if config.function is None:
            return {"operation": config.operation, "parameters": config.parameters}
        return functions[config.function](call)

    return Handler(config=CustomConfig, run=run, verify=verify)
