"""The error of a file that cannot be read."""


class ArchiveError(ValueError):
    """The file is no archive of this package, is damaged, or was made to do harm.

    Examples
    --------
    >>> import tempfile
    >>> import sknn
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     try:
    ...         sknn.load(file.name)
    ...     except sknn.saving.ArchiveError as error:
    ...         print(str(error)[-14:])
    It is cut off.
    """
