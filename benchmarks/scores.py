"""What errors on tables say of models: scores, ranks, bootstrap intervals over tables, differences of pairs.

Score is (error of the dummy − error) / (error of the dummy − error of the best peer): 1 for as good as the best peer, 0
for the dummy. The rank counts all models that ran on a table. An interval is the middle 95 % of the means of 10,000
samples of as many tables, drawn with replacement: a claim is to hold for other tables; seeds are averaged before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

TASKS = ("binary", "multiclass", "regression")


def with_scores(results: pd.DataFrame, ours: list[str]) -> pd.DataFrame:
    """A row a run, with its score and its rank among the models on the same table and seed."""
    scored = []
    for _, runs in results.groupby(["dataset", "seed"]):
        errors = runs.set_index("model")["err"]
        dummy = errors["dummy"]
        peers = errors.drop(["dummy", *ours], errors="ignore")
        best = peers.min() if len(peers) else errors.drop("dummy").min()
        runs = runs[runs["model"] != "dummy"]
        scored.append(runs.assign(score=(dummy - runs["err"]) / (dummy - best), rank=runs["err"].rank()))
    return pd.concat(scored, ignore_index=True)


def geometric_mean(values: pd.Series) -> float:
    return float(np.exp(np.log(values).mean()))


def interval(values) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; none for fewer than three tables."""
    values = np.asarray(values, dtype=float)
    if len(values) < 3:
        return np.nan, np.nan
    drawn = np.random.default_rng(0).integers(len(values), size=(10_000, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def by_table(scored: pd.DataFrame, column: str) -> pd.DataFrame:
    """A row a table, a column a model: means over seeds."""
    models = list(dict.fromkeys(scored["model"]))
    return scored.pivot_table(index="dataset", columns="model", values=column, sort=False)[models]


def summary(scored: pd.DataFrame) -> pd.DataFrame:
    """For each model the means over tables, the interval of the score's, and the worst score."""
    scores, ranks = by_table(scored, "score"), by_table(scored, "rank")
    task = scored.groupby("dataset")["task"].first()
    rows = {}
    for model in scores:
        found = scores[model].dropna()
        low, high = interval(found)
        of_task = found.groupby(task).mean()
        rows[model] = {
            "tables": len(found),
            "score": found.mean(),
            "from": low,
            "to": high,
            **{name: of_task.get(name, np.nan) for name in TASKS},
            "worst": found.min(),
            "rank": ranks[model].mean(),
        }
    return pd.DataFrame(rows).T.sort_values("score", ascending=False)


def seconds(timed: pd.DataFrame) -> pd.DataFrame:
    """Geometric means over runs."""
    means = timed.groupby("model")[["fit_s", "pred_s"]].agg(geometric_mean)
    return means.rename(columns={"fit_s": "fit, s", "pred_s": "predict, s"})


def differences(scored: pd.DataFrame, ours: list[str]) -> pd.DataFrame:
    """Each of ours against each peer on the tables that both ran on: difference of scores, its interval, ranks."""
    scores, ranks = by_table(scored, "score"), by_table(scored, "rank")
    rows = {}
    for mine in (name for name in scores if name in ours):
        for peer in (name for name in scores if name not in ours):
            both = scores[[mine, peer]].dropna()
            gap = both[mine] - both[peer]
            low, high = interval(gap)
            rank = ranks.loc[both.index, [mine, peer]].mean()
            rows[f"{mine} − {peer}"] = {
                "tables": len(both),
                "difference": gap.mean(),
                "from": low,
                "to": high,
                "median": gap.median(),
                "ahead on": (gap > 0).sum(),
                "rank": rank[mine],
                "its rank": rank[peer],
            }
    return pd.DataFrame(rows).T


def as_markdown(frame: pd.DataFrame, first: str = "model") -> str:
    """Columns that hold counts as whole numbers, the others with three digits."""
    counts = ("tables", "ahead on")
    lines = [f"| {first} | {' | '.join(frame.columns)} |", f"|---|{'---:|' * frame.shape[1]}"]
    for name, row in frame.iterrows():
        cells = ["–" if np.isnan(v) else f"{v:.0f}" if c in counts else f"{v:.3f}" for c, v in row.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def report(scored: pd.DataFrame, ours: list[str], timed: pd.DataFrame | None = None) -> str:
    """The tables of `summary` (with seconds, if any) and `differences`."""
    overview = summary(scored)
    if timed is not None:
        overview = overview.join(seconds(timed))
    parts = [as_markdown(overview)]
    pairs = differences(scored, ours)
    if len(pairs):
        parts.append(as_markdown(pairs, "pair"))
    return "\n\n".join(parts)


def table_of_scores(scored: pd.DataFrame) -> str:
    task = scored.groupby("dataset")["task"].first()
    scores = by_table(scored, "score")
    scores.index = [f"{name} ({task[name]})" for name in scores.index]
    return as_markdown(scores, "table")
