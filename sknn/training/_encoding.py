"""From the checked rows of a fit to what a network takes: which encoder is used, and both parts encoded."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from sklearn.base import clone

from sknn.modules import embeds_categories
from sknn.parameters import ResolvedParams, architecture_of, is_auto, pretrained_of, takes_images
from sknn.preprocessing import Encoded, Inputs, Table, make_encoder, make_stream_encoder, take_rows
from sknn.splitting import TrainValidationSplit
from sknn.utils import draws, seed_unset


def new_encoder(params: ResolvedParams, table: Table, *, is_stream: bool, seed: int):
    """An encoder that is to be fitted; with a pretrained estimator, its own.

    Parameters
    ----------
    params : ResolvedParams
    table : Table
        Training rows, of one table or of several inputs.
    is_stream : bool
        Whether rows come in chunks.
    seed : int
        For what a transformer draws.
    """
    source = preprocessing_source(params)
    if source is not None:
        return copy.deepcopy(source.encoder_)
    preprocessing, network = params["preprocessing"], architecture_of(params["module"])
    if hasattr(preprocessing, "get_params"):
        preprocessing = seed_unset(clone(preprocessing), seed)
    several = isinstance(table, Inputs)
    make = make_stream_encoder if is_stream else make_encoder
    embed, images = embeds_categories(network), takes_images(network)
    return make(preprocessing, embed=embed, images=images, several=several, random_state=seed)


def preprocessing_source(params: Mapping[str, Any]):
    """The pretrained estimator whose preprocessing is taken over, or None."""
    pretrained = pretrained_of(params["module"])
    return pretrained.fitted if pretrained is not None and is_auto(params["preprocessing"]) else None


def encoder_draws(encoder, table: Table, device: torch.device) -> bool:
    """Whether it draws random numbers to encode rows; in a block in which generators are restored."""
    return draws(lambda: encoder.encode(take_rows(table, slice(2))), device)


def encode_parts(
    encoder, parts: TrainValidationSplit, *, is_fitted: bool
) -> tuple[Encoded | Inputs, Encoded | Inputs | None]:
    """Both parts as the network takes them. Only the training rows shape the encoder."""
    train, valid = parts.train, parts.valid
    if is_fitted:
        encoded = encoder.update_encode(train.table, train.y, train.weight)
    else:
        y = None if parts.is_cross_fitted else train.y  # rows that a member holds out shape the encoder, but not by y
        encoded = encoder.fit_encode(train.table, y, train.weight)
    return encoded, None if valid is None or valid is train else encoder.encode(valid.table)
