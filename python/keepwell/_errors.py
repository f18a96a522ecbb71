"""The exceptions of keepwell.

Files that cannot be opened, read or written raise Python's own ``OSError`` and its subclasses.
"""


class Error(ValueError):
    """Something is wrong with the data, a parameter, a schema, a playbook or a model file; the text says what."""

    __module__ = "keepwell"


class ColumnTypeError(Error, TypeError):
    """A column or a cell has the wrong type."""

    __module__ = "keepwell"
