"""SciPy's functions are the oracle, to the last bit."""

import numpy as np
import pytest
from scipy import special

from sknn.targets._logarithms import log_mean_exp, log_softmax


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(8, 32, 2), (8, 33, 5), (4, 1, 1), (1, 7, 3), (3, 500, 4)])
@pytest.mark.parametrize("scale", [1, 30, 1_000])
def test_bits_are_those_of_scipy(dtype, shape, scale):
    members = (scale * np.random.default_rng(0).normal(size=shape)).astype(dtype)
    members[-1] = members[0]  # equal ones stand apart together
    logarithms = log_softmax(members)
    assert logarithms.dtype == dtype
    np.testing.assert_array_equal(logarithms, special.log_softmax(members, axis=-1))
    expected = special.logsumexp(logarithms, axis=0) - dtype(np.log(len(members)))
    np.testing.assert_array_equal(log_mean_exp(logarithms), expected)


def test_infinite_logarithms():
    logarithms = np.array([[-np.inf, -np.inf, np.inf, np.nan], [0, -np.inf, 1, 1]])
    np.testing.assert_array_equal(log_mean_exp(logarithms), [-np.log(2), -np.inf, np.inf, np.nan])
