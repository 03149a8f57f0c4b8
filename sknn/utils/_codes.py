"""Codes of an embedded column that are no values of it: the same for preprocessing, augmentation and networks."""

UNSEEN, MISSING, FIRST_LEVEL = 0, 1, 2  # two reserved codes, then the levels
