"""Mail: building a message, handing it to a relay, understanding the answer.

Knows nothing of the database. :mod:`.messages` turns plain values into an :class:`.Envelope`,
:mod:`.transports` takes envelopes and answers with a :class:`.SendResult` each.
"""
