"""The papers' own protocol: caption pre-training of a connector, MIR, instruction tuning, score."""
