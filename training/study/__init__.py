"""A study of small checkpoints around one base setting; see README.md in this folder."""
