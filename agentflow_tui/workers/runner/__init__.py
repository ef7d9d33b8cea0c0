"""The runner: claims workflows and takes their steps."""
