"""The sender: claims queued mail and hands it to the relay."""
