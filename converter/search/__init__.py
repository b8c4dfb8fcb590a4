"""Chooses what to train."""
