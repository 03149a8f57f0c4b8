"""Random changes of training rows: of images, of tables, and by mixing rows."""

from sknn.augmentation._augment import Augment
from sknn.augmentation._base import Augmentation
from sknn.augmentation._images import (
    Brightness,
    CutOut,
    HorizontalFlip,
    RandomCrop,
    Rotate,
    Scale,
    Translate,
    VerticalFlip,
)
from sknn.augmentation._mix import CutMix, Mixture, MixUp
from sknn.augmentation._tables import FeatureDropout, GaussianNoise

__all__ = [
    "Augment",
    "Augmentation",
    "Brightness",
    "CutMix",
    "CutOut",
    "FeatureDropout",
    "GaussianNoise",
    "HorizontalFlip",
    "MixUp",
    "Mixture",
    "RandomCrop",
    "Rotate",
    "Scale",
    "Translate",
    "VerticalFlip",
]
