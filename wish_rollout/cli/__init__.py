"""The command line: options, output and exit codes.

Data is printed on stdout, everything else on stderr. A command loads the project, calls ``rollout`` or runs a
Dagster job, and prints the result. It contains no SQL and decides nothing about schemas or approvals.
"""
