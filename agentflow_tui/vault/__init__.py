"""Reading and writing what AgentFlow keeps encrypted, in every format that it has written."""
