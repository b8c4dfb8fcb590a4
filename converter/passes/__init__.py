"""Passes over the object graph, one to a file."""
