"""Contracts that every layer shares: events, ports, errors, ids, clock, settings. Imports nothing above itself."""
