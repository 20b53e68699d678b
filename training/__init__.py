"""The recipe that makes the demo checkpoint: see README.md."""
