"""The sample's workflows: their steps, how each run went, and the schedules that start them."""
