"""Columns of text: which they are, and their words in a few dimensions."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_diabetes
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils._param_validation import InvalidParameterError
from threadpoolctl import threadpool_limits

from sknn import NNRegressor
from sknn.preprocessing import TableEncoder

TEXT = slice(1, 9)  # after the other column
WORDS = ["red", "green", "blue", "old", "new", "large", "small", "steel", "wood", "glass"]


@pytest.fixture
def titles():
    """120 different texts of two to five words."""
    rng = np.random.default_rng(0)
    return [f"{' '.join(rng.choice(WORDS, rng.integers(1, 5)))} {k % 60}" for k in range(120)]


def frame(titles):
    return pd.DataFrame({"title": titles, "size": np.arange(len(titles), dtype=float)})


def names_of(X, **params):
    return list(TableEncoder(**params).fit(X).get_feature_names_out())


def test_the_dimensions_are_those_of_latent_semantic_analysis(titles):
    once = [" ".join(dict.fromkeys(title.split())) for title in titles]  # √1 = 1
    found = TableEncoder().fit_transform(frame(once))[:, TEXT]
    tfidf = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", min_df=2).fit_transform(once)
    expected = TruncatedSVD(8, algorithm="arpack").fit_transform(tfidf)
    expected *= np.sqrt(np.square(found).sum() / np.square(expected).sum())
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=0.1)
    assert np.square(found).mean() == pytest.approx(1, abs=1e-5)


def test_what_is_text(titles):
    X = frame(titles)
    assert names_of(X)[TEXT] == [f"title_text{k}" for k in range(8)]
    assert names_of(X.astype({"title": "string"}))[TEXT] == [f"title_text{k}" for k in range(8)]
    assert names_of(X.astype({"title": "category"})) == ["size"]
    assert names_of(X.assign(title=[title.replace(" ", "") + str(k) for k, title in enumerate(titles)])) == ["size"]
    assert names_of(X.assign(title=titles[:40] * 3)) == ["size", "title_frequency", "title"]


def test_identifiers_are_left_out():
    X = frame([f"id{k}" for k in range(120)])
    assert names_of(X) == ["size"]
    assert names_of(X, embed_unique=True) == ["size", "title_frequency", "title"]
    assert names_of(X.iloc[:20]) == ["size", "title_frequency", "title"]


def test_one_parameter_turns_it_off_and_names_columns(titles):
    X = frame(titles)
    assert names_of(X, text=None) == ["size"]
    assert names_of(X, text=None, embed_unique=True) == ["size", "title_frequency", "title"]
    few = frame(titles[:40] * 3)
    assert names_of(few, text=["title"])[1] == names_of(few, text=[0])[1] == "title_text0"
    with pytest.raises(InvalidParameterError, match=r"'text' parameter of TableEncoder .* list of columns of text"):
        TableEncoder(text=["size"]).fit(few)


def test_missing_and_unknown_words_are_zeros_and_other_types_an_error(titles):
    encoder = TableEncoder().fit(frame([*titles, None]))
    out = encoder.transform(frame([None, "unheard of", titles[0].upper()]))[:, TEXT]
    assert not out[:2].any()
    np.testing.assert_array_equal(out[2], encoder.transform(frame([titles[0]]))[0, TEXT])
    with pytest.raises(ValueError, match=r"Column 'title' of X held text .*for instance 3 in row 0"):
        encoder.transform(frame([3, 4]))


@pytest.mark.parametrize("cells", [["a b"] * 40, [f"x{k} y{k}" for k in range(40)], [""] * 39 + ["a"]])
def test_without_words_that_tell_rows_apart_there_are_no_features(cells):
    assert np.isfinite(TableEncoder(text=["title"]).fit_transform(frame(cells))).all()


def test_it_is_stored_as_plain_data_and_does_not_depend_on_threads(titles):
    X = frame(titles)
    encoder = TableEncoder().fit(X)
    twin = TableEncoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    np.testing.assert_array_equal(twin.transform(X), encoder.transform(X))
    with threadpool_limits(2):
        np.testing.assert_array_equal(TableEncoder().fit_transform(X), encoder.transform(X))
    np.testing.assert_array_equal(encoder.transform(X.iloc[5:6])[0], encoder.transform(X)[5])


def test_a_row_of_weight_two_is_that_row_twice(titles):
    X = frame(titles)
    twice, weight = pd.concat([X, X.iloc[:20]]), np.r_[np.full(20, 2.0), np.ones(100)]
    given, repeated = TableEncoder().fit(X, sample_weight=weight), TableEncoder().fit(twice)
    of_given, of_repeated = given.transform(X)[:, TEXT], repeated.transform(X)[:, TEXT]
    np.testing.assert_allclose(of_given @ of_given.T, of_repeated @ of_repeated.T, rtol=0.1, atol=0.1)


def test_an_estimator_learns_from_words():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    body = np.where(X["bmi"] > 0.03, "large", np.where(X["bmi"] < -0.03, "slim", "usual"))
    X = pd.DataFrame({"note": [f"patient {k} was {size}" for k, size in enumerate(body)]})
    net = NNRegressor(preset="fast", random_state=0).fit(X[:330], y[:330])
    assert net.score(X[330:], y[330:]) > 0.2
