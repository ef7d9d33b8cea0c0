"""The local mail catcher: a relay that records what it takes and fails when told to."""
