"""The base class of callbacks: skorch's, with two more hooks. The hooks are called in `training`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import skorch.callbacks


class Callback(skorch.callbacks.Callback):
    """Base class of callbacks, shown with its parameters like scikit-learn's estimators.

    Besides skorch's hooks it has `on_step_end` and `on_training_pass_end`. In an epoch they are called in this order:
    `on_epoch_begin`; for each training batch `on_batch_begin`, `on_grad_computed`, `on_step_end`, `on_batch_end`; then
    `on_training_pass_end`; for each validation batch `on_batch_begin`, `on_batch_end`; then `on_epoch_end`. Before the
    first epoch there is `on_train_begin`, and after the last one `on_train_end`. Callbacks are called in list order,
    and for `on_train_end` in the reverse order. Any hook may raise `StopTraining`; callbacks later in the list are then
    not called for that event.

    Prefer `on_step_end` to `on_batch_end` if the batch is not needed: hooks with a batch get a copy of it, and
    `on_batch_end` reads the loss from the device after each step.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sknn import NNClassifier
    >>> from sknn.callbacks import Callback
    >>> class CountSteps(Callback):
    ...     def on_epoch_begin(self, net, **kwargs):
    ...         self.n_steps_ = 0
    ...
    ...     def on_step_end(self, net) -> None:
    ...         self.n_steps_ += 1
    ...
    ...     def on_training_pass_end(self, net) -> None:
    ...         net.history.record("n_steps", self.n_steps_)
    >>> X, y = load_iris(return_X_y=True)
    >>> net = NNClassifier("mlp", callbacks=[CountSteps()], batch_size=50, early_stopping=False, max_epochs=2).fit(X, y)
    >>> net.history_["n_steps"].tolist()
    [3, 3]
    """

    _parameter_constraints: dict = {}  # as scikit-learn's estimators have them; checked before a fit does any work

    def on_step_end(self, net):
        """Called after each step of the optimizer.

        Parameters
        ----------
        net : skorch.NeuralNet
            What trains: `net.module_` is the network with its new weights, `net.history` the epochs so far.
        """

    def on_training_pass_end(self, net):
        """Called after the steps of an epoch, before its validation, with the training loss in `net.history[-1]`.

        Parameters
        ----------
        net : skorch.NeuralNet
            As for `on_step_end`.
        """

    def __repr__(self):
        params = self.get_params(deep=False)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in sorted(params.items()))})"


def hooks_of(callbacks: Iterable[skorch.callbacks.Callback], *names: str) -> list[Callable]:
    """The hooks of these names that do something, in the order of the callbacks; of any class or instance."""
    found = []
    for callback in callbacks:
        for name in names:
            hook = getattr(callback, name, None)
            if hook is not None and getattr(hook, "__func__", hook) is not getattr(Callback, name):
                found.append(hook)
    return found
