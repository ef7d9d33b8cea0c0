"""A dealership group on a bad Monday: sample data, and a local mail catcher that fails as told.

`agentflow_tui.demo.sample` makes the rows, `agentflow_tui.store.schema.loading` loads them, and
`agentflow_tui.demo.domains` says how each mail domain behaves, in the rows and in the catcher.
Texts, names and tables are TOML files in ``data/``.

The story, told from *now*, which is always Monday nine o'clock:

- Saturday night VinSolutions answered 429 and 503 for two hours; what failed then was half retried.
- Since Sunday morning DealerTrack's refresh token has expired and its reports fail.
- About three hours ago the relay began to refuse everything for lakeside-motors.test.
- 2 h 41 min ago AgentFlow's backend on ops-2 died and left three workflow locks behind.
- This morning's reports say that leads wait too long everywhere and that stock stands; who
  should hear of the stock has a mailbox that is gone.
- Since two hours ago northgate-fleet.example refuses mail by its size: an error not seen before.
- Over night one schedule missed four fires.
"""
