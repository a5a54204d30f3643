"""Photographs for training: found, decoded once, split, drawn and varied."""
