"""What is wrong with a table of samples before anybody maps it, and a cleaned copy where asked.

Nothing is changed by looking. `columns.parse_column` reads one column as it came ("<0.5", "n/a", 12.3),
`check.check_samples` says what it found, and `cleaning.clean_samples` applies the user's choices.
"""
