"""A family of small checkpoints around one base setting; see README.md in this folder."""
