"""The commands of the program, grouped by what they do.

Options, output and progress that they share are in ``cli``.
"""
