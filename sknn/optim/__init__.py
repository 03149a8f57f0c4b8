"""Optimizers and schedules."""

from sknn.optim._muon import Muon
from sknn.optim._optimizers import (
    OPTIMIZERS,
    is_adaptive,
    is_elementwise,
    is_full_batch,
    make_optimizer,
    needs_closure,
    optimizer_class,
    optimizer_parameters,
    takes_groups,
    takes_weight_decay,
)
from sknn.optim._parameter_groups import FlatParameters, factors_of
from sknn.optim._schedules import (
    PLATEAU,
    SCHEDULED,
    SCHEDULES,
    ByEpoch,
    Factor,
    ScheduleRunner,
    is_torch_scheduler,
    make_schedule,
    schedule_parameters,
    torch_scheduler,
)

__all__ = [
    "OPTIMIZERS",
    "PLATEAU",
    "SCHEDULED",
    "SCHEDULES",
    "ByEpoch",
    "Factor",
    "FlatParameters",
    "Muon",
    "ScheduleRunner",
    "factors_of",
    "is_adaptive",
    "is_elementwise",
    "is_full_batch",
    "is_torch_scheduler",
    "make_optimizer",
    "make_schedule",
    "needs_closure",
    "optimizer_class",
    "optimizer_parameters",
    "schedule_parameters",
    "takes_groups",
    "takes_weight_decay",
    "torch_scheduler",
]
