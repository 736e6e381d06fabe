"""The `sagwan` command: `main` registers, each command has a file of its own.

Standard output carries answers, standard error carries progress and reasons. Exit codes: 0 done, 1 something was
refused, is missing or is not well, 2 the command was called wrongly or nobody answered.
"""
