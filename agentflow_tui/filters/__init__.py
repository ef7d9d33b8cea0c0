"""The filter language of every list, on screen and on the command line.

Words and conditions stand side by side and all of them must hold::

    @acme.test age:>1h                 words look into the text columns and the start of the id
    "mailbox full" !newsletter         quotes keep a phrase together; ! in front means not
    status:failed,paused               a column is one of these, in any case; * stands for anything
    -status:completed                  - in front of a column means not; rows without a value count
    subject="Re: [draft]"              = is exact: case counts and * is a star
    error~timeout                      ~ is contains
    attempts:>3  score:<=80            numbers; attempts>3 without the colon says the same
    active:no                          flags: yes, no, true, false
    error:none  error:any              without a value, with one; "none" in quotes is the word
    createdAt:2026-11-01               times: a year, month, day, minute or second is all of it,
    createdAt:<=2026-11                  so <= reaches to its end and > begins after it
    lastRun:today  nextRun:<now        today, yesterday, tomorrow, now, and clock times (12:30)
    age:>10m  lastUpdated:>1h30m       a length of time is measured back from now: older than
    lastUpdated:1h                     within the last hour
    nextRun:<+10m                      + measures ahead: due within ten minutes
    context.customer.id:42             a part of a JSON column: object keys and list indexes
    id:3fa85f64                        the start of a UUID finds its row
    errorGroup:9c41d07be2f3            the failed rows that make a group of errors, by its key

Nothing else is an operator. Names are accepted in any spelling (``createdAt``, ``created_at``).
Filters are read by :func:`parse`, which raises :class:`agentflow_tui.errors.FilterError` with the
span to underline; ``Filter.text`` is the canonical form, and parses to the same filter.
"""

from agentflow_tui.filters.filter import Filter, Notice
from agentflow_tui.filters.parsing import parse
from agentflow_tui.filters.terms import (
    Comparison,
    Condition,
    Flag,
    Match,
    Number,
    Period,
    Presence,
    Relative,
    Term,
    Text,
    Value,
    Word,
)
from agentflow_tui.filters.vocabulary import Field, Vocabulary

__all__ = [
    "Comparison",
    "Condition",
    "Field",
    "Filter",
    "Flag",
    "Match",
    "Notice",
    "Number",
    "Period",
    "Presence",
    "Relative",
    "Term",
    "Text",
    "Value",
    "Vocabulary",
    "Word",
    "parse",
]
