"""Comparisons with peers, each in one run; the figures of docs/performance.md come from here."""
