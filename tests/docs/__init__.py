"""Tests of README.md, CHANGELOG.md and docs/: they agree with the code and with each other."""
