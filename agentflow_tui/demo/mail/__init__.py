"""The sample's mail: what is written, what the relay answers, and what became of each message."""
