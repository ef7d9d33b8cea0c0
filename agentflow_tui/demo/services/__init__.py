"""What the demo's workers talk to, all of it on this machine: a relay that passes nothing on, a
mailbox in which vendors' reports arrive, and the sites that health checks ask."""
