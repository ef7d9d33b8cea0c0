"""Mail: building a message, handing it to a relay, understanding the answer.

Knows nothing of the database. The way of a mail: `messages.compose` makes an `envelopes.Envelope`
of plain values, a `transports.Transport` takes it (`pool.SmtpTransport` to a relay,
`outbox.OutboxTransport` into a folder) and answers with an `answers.SendResult`: one verdict for
each recipient, in the relay's words. `relays` reads the settings, `smtp` opens connections,
`dialogues` speaks on them, `limits` and `breakers` say when not to.
"""
