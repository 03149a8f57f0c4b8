"""Each name that a parameter takes: it trains better than the dummy, in a grid too, and weights mean repetition."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.utils._param_validation import InvalidParameterError

from sknn import NNClassifier, NNRegressor
from sknn.augmentation import CutMix, FeatureDropout, GaussianNoise, MixUp, RandomCrop, Rotate
from sknn.callbacks import ClipGradient, GradientNorm, MaxNorm, Penalty, WeightAverage
from sknn.modules import ACTIVATIONS, INITIALIZERS, MODULES
from sknn.optim import OPTIMIZERS, PLATEAU, SCHEDULES
from sknn.targets import CLASSIFICATION_LOSSES, REGRESSION_LOSSES

CANCER, DIABETES = load_breast_cancer(return_X_y=True), load_diabetes(return_X_y=True)
IMAGES, DIGITS = load_digits().images, load_digits().target
SHARE = np.bincount(CANCER[1]).max() / len(CANCER[1])


def mlp(cls=NNClassifier, **params):
    return cls(**{"module": "mlp", "hidden_layer_sizes": (16, 16), "max_epochs": 15, "learning_rate": 0.01,
                  "random_state": 0} | params)  # fmt: skip


def shown(value):
    """A name for a parameter's value that is the same in every process."""
    if isinstance(value, dict):
        return " ".join(f"{key}={shown(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ",".join(map(shown, value))
    return str(value) if isinstance(value, str | float | None) else getattr(value, "__name__", type(value).__name__)


def beats_the_dummy(net):
    if isinstance(net, NNClassifier):
        return net.fit(*CANCER).score(*CANCER) > SHARE + 0.15
    return net.fit(*DIABETES).score(*DIABETES) > 0.2


@pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES)
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_every_loss_of_a_classifier(loss, module):
    assert beats_the_dummy(NNClassifier(module, loss=loss, max_epochs=15, n_members=2, random_state=0))


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_every_loss_of_a_regressor(loss, module):
    assert beats_the_dummy(mlp(NNRegressor, module=module, loss=loss, max_epochs=20, n_members=2))


@pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES)
def test_every_loss_of_labels(loss):
    y = np.column_stack([DIGITS > 4, DIGITS % 2])
    net = mlp(loss=loss, max_epochs=20).fit(IMAGES.reshape(-1, 64), y)
    assert (net.predict(IMAGES.reshape(-1, 64)) == y).mean() > 0.8


@pytest.mark.parametrize("activation", [*ACTIVATIONS, torch.nn.Hardswish, ["tanh", "relu"]], ids=shown)
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_every_activation(activation, module):
    assert beats_the_dummy(mlp(module=module, activation=activation, n_members=2 if module == "tabular" else 1))


@pytest.mark.parametrize("weight_init", [*sorted(set(INITIALIZERS) - {"zero"}), torch.nn.init.trunc_normal_], ids=shown)
@pytest.mark.parametrize("module", ["tabular", "mlp", "resnet"])
def test_every_initialisation(weight_init, module):
    net = mlp(module=module, n_members=2 if module == "tabular" else 1)
    assert beats_the_dummy(net.set_params(module__weight_init=weight_init))


def test_a_network_that_starts_at_zero_learns_only_its_last_biases():
    net = mlp(module_params={"weight_init": "zero"}, weight_decay=0).fit(*CANCER)
    assert all((weight == 0).all() for name, weight in net.module_.named_parameters() if name.endswith("weight"))
    assert net.score(*CANCER) == pytest.approx(SHARE)


@pytest.mark.parametrize("optimizer", [*OPTIMIZERS, torch.optim.Adamax], ids=shown)
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_every_optimizer(optimizer, cls):
    rate = {"sgd": 0.1, "adagrad": 0.05, "lbfgs": "auto"}.get(optimizer, 0.01)
    assert beats_the_dummy(mlp(cls, optimizer=optimizer, learning_rate=rate, max_epochs=20))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_trains_an_ensemble(optimizer):
    rate = {"adagrad": 0.05}.get(optimizer, "auto")
    assert beats_the_dummy(mlp(module="tabular", optimizer=optimizer, learning_rate=rate, n_members=3))


@pytest.mark.parametrize(
    "schedule", [None, *SCHEDULES, PLATEAU, torch.optim.lr_scheduler.ExponentialLR, lambda t: 1 - t], ids=shown
)
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_every_schedule(schedule, module):
    params = {"gamma": 0.9} if schedule is torch.optim.lr_scheduler.ExponentialLR else None
    net = mlp(module=module, lr_schedule=schedule, lr_schedule_params=params, n_members=2 if module == "tabular" else 1)
    assert beats_the_dummy(net)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"cnn"}))
@pytest.mark.parametrize("cls", [NNClassifier, NNRegressor])
def test_every_network(module, cls):
    n_members = 2 if module == "tabular" else 1
    assert beats_the_dummy(mlp(cls, module=module, hidden_layer_sizes="auto", max_epochs=20, n_members=n_members))


@pytest.mark.parametrize(
    "X", [IMAGES, IMAGES[:, None], (IMAGES * 15).astype(np.uint8)], ids=["grey", "channels", "uint8"]
)
def test_images(X):
    net = NNClassifier("cnn", hidden_layer_sizes=(8, 16), max_epochs=3, random_state=0).fit(X[:1200], DIGITS[:1200])
    assert net.score(X[1200:], DIGITS[1200:]) > 0.8


def test_a_table_is_no_image_and_an_image_no_table():
    with pytest.raises(ValueError, match="must be images"):
        NNClassifier("cnn").fit(*CANCER)
    with pytest.raises(ValueError, match=r"must be a table"):
        NNClassifier("mlp", preprocessing=None).fit(IMAGES, DIGITS)


@pytest.mark.parametrize("params", [
    {"callbacks": [Penalty(l1=1e-3)]}, {"callbacks": [Penalty(l2=1e-2)]}, {"callbacks": [Penalty(1e-3, 1e-2)]},
    {"weight_decay": 0.1}, {"dropout": 0.3},
    {"module_params": {"normalization": "batch"}}, {"module_params": {"normalization": "layer"}},
    {"callbacks": [MaxNorm(2.0)]}, {"callbacks": [ClipGradient(0.5)]}, {"callbacks": [WeightAverage(0.9)]},
    {"callbacks": [WeightAverage(None, start=0.5)]}, {"callbacks": [GradientNorm(by_layer=True)]},
    {"augmentation": [GaussianNoise(0.1)]}, {"augmentation": [FeatureDropout(0.1)]}, {"augmentation": [MixUp()]},
    {"augmentation": [GaussianNoise(0.05), CutMix()]}, {"augmentation": [lambda x: x * 1.01]},
], ids=shown)  # fmt: skip
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_every_regularisation(params, module):
    if module == "tabular" and "module_params" in params:
        pytest.skip("normalisation is for plain networks")
    assert beats_the_dummy(mlp(module=module, n_members=2 if module == "tabular" else 1, **params))


def test_dropout_layer_by_layer():
    net = mlp(dropout=[0.5, 0.0]).fit(*CANCER)
    assert [part.p for part in net.module_.modules() if type(part).__name__ == "Dropout"] == [0.5]
    with pytest.raises(ValueError, match="dropout"):
        mlp(dropout=[0.5]).fit(*CANCER)


# -- a grid over everything -------------------------------------------------------------------


def test_a_grid_over_the_menu_in_two_processes_gives_an_estimator_that_pickles():
    grid = {
        "activation": ["relu", "tanh"],
        "optimizer": ["adamw", "nadam"],
        "loss": ["cross_entropy", "focal"],
        "dropout": [0.0, 0.2],
        "module__normalization": [None, "layer"],
    }
    search = GridSearchCV(mlp(max_epochs=2, hidden_layer_sizes=8), grid, cv=2, n_jobs=2).fit(*CANCER)
    restored = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(restored.predict_proba(CANCER[0]), search.predict_proba(CANCER[0]))
    assert len(search.cv_results_["params"]) == 32


def test_a_grid_reaches_into_dicts_and_lists_of_objects():
    callbacks = [MaxNorm(3.0), ("average", WeightAverage(0.9))]
    steps = [GaussianNoise(0.1)]
    net = mlp(augmentation=steps, callbacks=callbacks, max_epochs=2, loss="focal", lr_schedule="step")
    grid = [
        {"augmentation__gaussiannoise__std": [0.0, 0.5]},
        {"callbacks__maxnorm__max_norm": [1.0], "callbacks__average__decay": [0.5]},
        {"loss__gamma": [1.0], "lr_schedule__step_size": [1]},
    ]
    search = GridSearchCV(net, grid, cv=2, error_score="raise").fit(*CANCER)
    assert len(search.cv_results_["params"]) == 4
    assert net.get_params()["callbacks__maxnorm__max_norm"] == 3.0
    changed = net.set_params(callbacks__maxnorm__max_norm=1.5)
    assert changed.callbacks[0].max_norm == 1.5


def test_two_of_a_kind_are_numbered_and_the_users_object_is_not_changed():
    first = GaussianNoise(0.1)
    net = NNClassifier(augmentation=[first, GaussianNoise(0.2)]).set_params(
        **{"augmentation__gaussiannoise-1__std": 0.7}
    )
    assert [step.std for step in net.augmentation] == [0.7, 0.2]
    assert first.std == 0.1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augmentation__rotate__degrees": 3}, "must hold what is to be set"),
        ({"callbacks__maxnorm__norm": 3}, r"\['maxnorm__max_norm'\]. Got 'maxnorm__norm'"),
        ({"loss__delta": 3}, "parameters of loss cross_entropy: .*label_smoothing"),
        ({"lr_schedule__gamma": 3}, "parameters of lr_schedule"),
    ],
)
def test_a_name_that_is_not_there_is_refused(params, message):
    with pytest.raises(InvalidParameterError, match=message):
        NNClassifier(callbacks=[MaxNorm()]).set_params(**params)


# -- weights ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("cls", "loss"), [*((NNClassifier, loss) for loss in CLASSIFICATION_LOSSES),
                                           *((NNRegressor, loss) for loss in REGRESSION_LOSSES)])  # fmt: skip
@pytest.mark.parametrize("module", ["tabular", "mlp"])
def test_a_row_of_weight_two_is_the_row_twice(cls, loss, module):
    X, y = (part[:60] for part in (CANCER if cls is NNClassifier else DIABETES))
    params = {"loss_params": {"quantiles": [0.1, 0.9]}} if loss == "quantile" else {}
    net = cls(module, loss=loss, early_stopping=False, batch_size=200, max_epochs=10, random_state=0, **params)
    weight = np.where(np.arange(60) % 3, 1.0, 2.0)
    repeats = weight.astype(int)
    weighted = net.fit(X, y, sample_weight=weight).predict(X) if cls is NNRegressor else net.fit(
        X, y, sample_weight=weight).predict_proba(X)  # fmt: skip
    net.fit(X.repeat(repeats, 0), y.repeat(repeats))
    repeated = net.predict(X) if cls is NNRegressor else net.predict_proba(X)
    np.testing.assert_array_equal(weighted, repeated)


# -- augmentation in a fit --------------------------------------------------------------------


def test_only_training_batches_are_augmented_and_the_fit_is_reproducible():
    params = {"module": "cnn", "hidden_layer_sizes": (8,), "max_epochs": 2, "random_state": 0}
    seen = []

    def spy(x):
        seen.append(len(x))
        return x

    net = NNClassifier(**params, augmentation=[spy], batch_size=100, validation_split=0.25).fit(IMAGES, DIGITS)
    assert sum(seen) == 2 * round(0.75 * len(IMAGES) - 0.5)
    fits = [NNClassifier(**params, augmentation=[Rotate(15), RandomCrop(1)]).fit(IMAGES, DIGITS) for _ in range(2)]
    found = [fit.predict_proba(IMAGES) for fit in (*fits, net)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_mixed_rows_have_mixed_losses():
    """The training loss of a mixture is the mixture of the losses; with all partners equally likely it is known."""
    net = mlp(augmentation=[MixUp(alpha=1.0)], max_epochs=3, early_stopping=False).fit(*CANCER)
    plain = mlp(max_epochs=3, early_stopping=False).fit(*CANCER)
    assert net.loss_curve_[-1] > plain.loss_curve_[-1]


# -- names against torch ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("adagrad", torch.optim.Adagrad),
        ("adam", torch.optim.Adam),
        ("adamw", partial(torch.optim.AdamW, weight_decay=0)),
        ("nadam", torch.optim.NAdam),
        ("radam", torch.optim.RAdam),
        ("rmsprop", torch.optim.RMSprop),
        ("sgd", torch.optim.SGD),
        ("lbfgs", partial(torch.optim.LBFGS, line_search_fn="strong_wolfe")),
    ],
)
def test_an_optimizer_by_name_takes_the_steps_of_torchs(name, reference):
    X, y = (CANCER[0] - CANCER[0].mean(0)) / CANCER[0].std(0), CANCER[1]
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(30, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    net = NNClassifier(module, preprocessing=None, optimizer=name, weight_decay=0, learning_rate=0.05, batch_size=1000,
                       max_epochs=6, early_stopping=False).fit(X, y)  # fmt: skip
    optimizer = reference(module.parameters(), lr=0.05)
    inputs, target = torch.tensor(X, dtype=torch.float32), torch.tensor(y)

    def closure():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(module(inputs), target)
        loss.backward()
        return loss

    for _ in range(6):
        optimizer.step(closure)
    expected = module(inputs).softmax(1).detach().numpy()
    np.testing.assert_allclose(net.predict_proba(X), expected, atol=2e-3 if name == "lbfgs" else 2e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_by_name_is_its_formula(name):
    z = torch.linspace(-4, 4, 41, dtype=torch.float64)
    formulas = {
        "identity": z,
        "sigmoid": 1 / (1 + torch.exp(-z)),
        "tanh": (torch.exp(z) - torch.exp(-z)) / (torch.exp(z) + torch.exp(-z)),
        "relu": torch.maximum(z, torch.zeros_like(z)),
        "leaky_relu": torch.maximum(z, 0.01 * z),
        "elu": torch.where(z > 0, z, torch.exp(z) - 1),
        "selu": 1.0507009873554805 * torch.where(z > 0, z, 1.6732632423543772 * (torch.exp(z) - 1)),
        "gelu": z * torch.distributions.Normal(0.0, 1.0).cdf(z),
        "silu": z / (1 + torch.exp(-z)),
        "mish": z * torch.tanh(torch.log(1 + torch.exp(z))),
        "softplus": torch.log(1 + torch.exp(z)),
    }
    torch.testing.assert_close(ACTIVATIONS[name]()(z), formulas[name], rtol=1e-6, atol=1e-7)
