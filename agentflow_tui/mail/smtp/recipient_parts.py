"""A mail with more recipients than one SMTP transaction takes: several envelopes, one result."""

import itertools
from collections.abc import Callable
from dataclasses import replace

from agentflow_tui.mail.envelopes import Envelope
from agentflow_tui.mail.smtp.answers import SendResult

Submit = Callable[[Envelope, Callable[[SendResult], None]], None]


def submit_in_parts(
    envelope: Envelope,
    most: int,
    *,
    submit: Submit,
    confirm: Callable[[int], None],
    done: Callable[[SendResult], None],
) -> None:
    """Submit ``envelope`` in parts of at most ``most`` recipients; ``done`` hears one result.

    ``confirm`` hears of each part whose content was handed over, but for the last: only the whole
    result waits to be recorded.
    """
    everybody = envelope.recipients
    groups = [everybody[n : n + most] for n in range(0, len(everybody), most)]
    results: dict[int, SendResult] = {}

    def note(number: int, result: SendResult) -> None:
        results[number] = result
        if len(results) < len(groups):
            confirm(result.handed_over)
            return
        parts = [results[n] for n in range(len(groups))]
        waits = [part.retry_in for part in parts if part.retry_in is not None]
        outcomes = tuple(itertools.chain.from_iterable(part.outcomes for part in parts))
        retry_in = max(waits, default=None)
        done(SendResult(envelope, outcomes, result.relay, retry_in, result.handed_over))

    for number, group in enumerate(groups):
        part = replace(envelope, recipients=group, invalid=())
        submit(part, lambda result, number=number: note(number, result))  # type: ignore[misc]
