"""Connectors between real frozen parts: SmolLM2-135M-Instruct and a DINOv2-small trunk."""
