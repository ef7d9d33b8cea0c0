"""Handlers for workflow steps: what a step of each type does, and how its config must look."""
