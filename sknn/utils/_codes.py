"""Reserved codes of embedded columns, common to preprocessing, augmentation and networks."""

UNSEEN, MISSING, FIRST_LEVEL = 0, 1, 2  # two reserved codes, then the levels
