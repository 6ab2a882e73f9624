"""Releases the exercises of the course, grades what students hand in, and tells each of them what went wrong."""
