"""The error of a file that cannot be read."""


class ArchiveError(ValueError):
    """The file is no archive of this package, is damaged, or was made to do harm."""
