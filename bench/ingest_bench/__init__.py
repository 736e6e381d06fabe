"""Measures how fast meetings go from a file to an ack, and what the services need for it."""
