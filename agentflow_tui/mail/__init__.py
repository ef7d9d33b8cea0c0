"""Mail: composing a message, handing it to a relay, understanding the answer.

Knows nothing of the database. `message.messages.compose` makes an `envelopes.Envelope` of plain
values, a `transports.Transport` takes it (`smtp.pool.SmtpTransport` to a relay,
`outbox.OutboxTransport` into a folder) and answers with an `smtp.answers.SendResult`: one outcome
for each recipient, in the relay's words.
"""
