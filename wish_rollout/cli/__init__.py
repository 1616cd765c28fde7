"""The command line: prints and exits. What it prints as data goes to stdout, all else to stderr."""
