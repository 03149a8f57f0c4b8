"""What is shown of a callback."""

from __future__ import annotations

from skorch.callbacks import Callback


class ReadableCallback(Callback):
    """Shows its parameters, as scikit-learn's estimators do."""

    def __repr__(self):
        params = self.get_params(deep=False)
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in sorted(params.items()))})"
