"""
Text and dates
==============

A table of an online shop, as tables are: a title of some words, a date, a category with empty cells, prices as text.
Each column is encoded by what it is: titles by their words, dates by trend, season and weekday. The task is to
forecast the orders of the last weeks from those before.
"""

# %%
# The table
# ---------
# It is made up here, so that we know what is in it: demand grows, has a season and weekends, and some words of a
# title sell.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import r2_score

from sknn import NNRegressor
from sknn.preprocessing import TableEncoder

rng = np.random.default_rng(0)
n = 4000
words = {"warm": 0.5, "light": -0.2, "red": 0.0, "blue": 0.1, "wool": 0.4, "summer": -0.4, "classic": 0.2, "trail": 0.3}
things = {"jacket": 0.6, "scarf": -0.1, "shirt": 0.0, "boots": 0.3}
date = pd.Timestamp("2023-01-01") + pd.to_timedelta(np.sort(rng.integers(0, 1000, n)), unit="D")
chosen = [[*rng.choice(list(words), 2, replace=False), rng.choice(list(things))] for _ in range(n)]
price = rng.uniform(15, 120, n)
worth = np.array([sum(words.get(w, things.get(w, 0.0)) for w in title) for title in chosen])
winter = np.cos(2 * np.pi * date.day_of_year / 365.25)
log_orders = 2.5 + 0.4 * worth + 0.3 * winter * (worth + 0.5) + 0.4 * (date.day_of_week >= 5) - 0.008 * price
log_orders = log_orders.to_numpy()
shop = pd.DataFrame(
    {
        "title": [" ".join(title) for title in chosen],
        "date": date,
        "price": [f"${p:,.2f}" for p in price],
        "channel": np.where(rng.random(n) < 0.1, None, rng.choice(["web", "app", "store"], n)),
    }
)
orders = rng.poisson(np.exp(log_orders))
is_new = (shop["date"] >= "2025-05-01").to_numpy()  # the last 150 days
shop.head()

# %%
# How it is encoded
# -----------------
# Titles that repeat are taken for categories; `text=["title"]` says that their words count.

encoder = TableEncoder(text=["title"])
encoder.set_output(transform="pandas").fit_transform(shop).head(3).T.round(2)

# %%
# Forecast
# --------
# The last 150 days are new. Counts have their own loss, `"poisson"`.

net = NNRegressor(preprocessing=encoder, loss="poisson", random_state=0).fit(shop[~is_new], orders[~is_new])
best_possible = r2_score(orders[is_new], np.exp(log_orders[is_new]))
predicted = net.predict(shop[is_new])
print(f"R² on new orders {r2_score(orders[is_new], predicted):.2f}, with the true means {best_possible:.2f}")

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 4), width_ratios=(2, 1), layout="constrained")
days = pd.DataFrame({"orders": orders, "fit": net.predict(shop)}, index=shop["date"]).resample("7D").mean()
left.plot(days.index, days["orders"], color="0.6", label="orders")
left.plot(days.index, days["fit"], color="C0", label="predicted")
left.axvspan(pd.Timestamp("2025-05-01"), days.index[-1], color="C1", alpha=0.12, label="new weeks")
left.set(title="Orders of an article, mean of a week", ylabel="orders")
left.set_ylim(top=19)
left.legend(frameon=False, ncols=3, loc="upper center")

new = shop[is_new].assign(orders=orders[is_new], predicted=predicted)
by_word = pd.DataFrame(
    {word: new.loc[new["title"].str.contains(word), ["orders", "predicted"]].mean() for word in (*words, *things)}
).T
right.axline((9, 9), slope=1, color="grey", linestyle=":")
right.scatter(by_word["predicted"], by_word["orders"], color="C0")
for word, (actual, expected) in by_word.iterrows():
    right.annotate(word, (expected, actual), xytext=(5, -9), textcoords="offset points", fontsize=9)
right.set(title="New weeks, by words of the title", xlabel="predicted orders", ylabel="orders")
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
