"""The command line: one file for each command, each a thin translation from options to one call.

Nothing heavier than typer is imported before a command runs.
"""
