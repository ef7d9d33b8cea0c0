"""Workflows and schedules as files: YAML or JSON read with the place of each mistake, checked
without a database, and written."""
