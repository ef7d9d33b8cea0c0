"""The background workers: schedules that fire, workflows that advance, mail that leaves, services
that are checked. The loop is written once (`supervisor`); a worker is a role with a step."""
