"""From resolved parameters to the net that trains."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from sknn.augmentation import Augment
from sknn.optim import make_optimizer
from sknn.parameters import ResolvedParams, is_tabular, pretrained_of, schedule_functions
from sknn.training._inference import block_rows
from sknn.training._loop import TrainingNet
from sknn.utils import Seeds


def make_net(
    module: nn.Module,
    target,
    rows: tuple,
    params: ResolvedParams,
    callbacks: list,
    encoder,
    seeds: Seeds,
) -> TrainingNet:
    """The net of a fit.

    Parameters
    ----------
    module : nn.Module
        The network, or an ensemble; trained in place.
    target : Target
    rows : pair of data sets
        That train and that validate; the latter may be None.
    params : ResolvedParams
    callbacks : list
    encoder : object
        What has encoded the rows.
    seeds : Seeds
        Those of `order` and `dropout` count.
    """
    pretrained, augmentation = pretrained_of(params["module"]), params["augmentation"]
    optimizer, optimizer_params = make_optimizer(
        params["optimizer"],
        _optimizer_defaults(params) | (params["optimizer_params"] or {}),
        weight_decay=params["weight_decay"],
        device=params["device"],
    )
    return TrainingNet(
        module,
        target.make_criterion(),
        target=target,
        train=rows[0],
        valid=rows[1],
        seed=seeds.dropout,
        n_jobs=params["n_jobs"],
        schedules=schedule_functions(params),
        augment=Augment(augmentation, seeds.order) if augmentation else None,
        lr_factors=None if pretrained is None else pretrained.lr_factors(module),
        optimizer=optimizer,
        lr=params["learning_rate"],
        max_epochs=params["max_epochs"],
        batch_size=params["batch_size"],
        device=str(params["device"]),
        callbacks=callbacks,
        iterator_train__shuffle=True,
        iterator_train__generator=torch.Generator().manual_seed(seeds.order),
        iterator_valid__batch_size=block_rows(encoder, module),
        **{f"optimizer__{name}": value for name, value in optimizer_params.items()},
    )


def _optimizer_defaults(params: ResolvedParams) -> dict[str, Any]:
    """Moments with a shorter memory suit few steps (Holzmüller et al., NeurIPS 2024, appendix A)."""
    is_adam = params["optimizer"] in ("adam", "adamw")
    return {"betas": (0.9, 0.95)} if is_adam and is_tabular(params["module"]) else {}
