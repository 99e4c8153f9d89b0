"""Tests of kb_index."""
