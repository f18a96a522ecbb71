"""The forty signals as keepwell reads them."""

from __future__ import annotations

from pathlib import Path

from records_made import N_FEATURES

TABLES = """
account = "account"

[[table]]
kind = "accounts"
file = "accounts.parquet"
started = "started"

[[table]]
kind = "contracts"
file = "contracts.parquet"
starts = "starts"
ends = "ends"
seats = "seats"
mrr = "mrr"

[[table]]
kind = "usage"
file = "usage.parquet"
occurred_at = "occurred_at"
known_at = "known_at"
user = "user"
feature = "feature"
value = "value"

[[table]]
kind = "interactions"
file = "tickets.parquet"
opened = "opened"
closed = "closed"
sentiment = "tone"

[[table]]
kind = "surveys"
file = "surveys.parquet"
occurred_at = "occurred_at"
known_at = "known_at"
score = "score"

[label]
churn_event = "cancelled"
"""

FEATURES = [str(feature) for feature in range(N_FEATURES)]


def signals() -> dict[str, str]:
    """Each signal's name and how it is read, in TOML."""

    def of(how: str, days: int | None = None, events: list[str] = FEATURES, **more: object) -> str:
        keys = {"how": how, "events": events} | ({} if days is None else {"window_days": days}) | more
        return "{ " + ", ".join(f"{key} = {_toml(value)}" for key, value in keys.items()) + " }"

    def line(table: str, **more: str) -> str:
        inner = table.removeprefix("{ ").removesuffix(" }")
        return ", ".join([inner, *(f"{key} = {value}" for key, value in more.items())])

    told = {f"events_{days}d": line(of("count", days)) for days in (7, 28, 90, 180)}
    told |= {f"users_{days}d": line(of("distinct_users", days)) for days in (28, 90)}
    told |= {f"features_{days}d": line(of("distinct_names", days)) for days in (28, 90)}
    told["days_since_last"] = line(of("days_since_last"))
    told |= {f"active_days_{days}d": line(of("distinct_days", days)) for days in (7, 28, 90)}
    told |= {f"value_sum_{days}d": line(of("sum", days)) for days in (28, 90, 180)}
    told |= {f"value_mean_{days}d": line(of("mean", days)) for days in (28, 90)}
    before = of("count_per_week", 90, ended_days=28)
    told["events_28d_to_90d_before"] = line(of("count_per_week", 28), divided_by=before)
    told["events_7d_to_28d"] = line(of("count_per_week", 7), divided_by=of("count_per_week", 28))
    told["weekly_slope_84d"] = line(of("weekly_slope", 84))
    for key in range(5):
        told[f"share_{key}_90d"] = line(of("count", 90, [str(key)]), divided_by=of("count", 90))
    opened, closed = of("count", events=["ticket_opened"]), of("count", events=["ticket_closed"])
    told["tickets_open"] = line(opened, less=closed)
    told["tickets_90d"] = line(of("count", 90, ["ticket_opened"]))
    told["sentiment_90d"] = line(of("mean", 90, ["ticket_sentiment"]))
    told["sentiment_trend_365d"] = line(of("trend", 365, ["ticket_sentiment"]))
    told["nps"] = line(of("last", 365, ["nps"]))
    told["nps_mean_180d"] = line(of("mean", 180, ["nps"]))
    told |= {name: f'contract = "{name}"' for name in ("days_to_renewal", "seats", "mrr")}
    told["users_per_seat_28d"] = line(of("distinct_users", 28), per_seat="true")
    told["streak_days_63d"] = line(of("streak_days", 63))
    told["days_to_first_key"] = line(of("days_to_first", events=["0"]))
    told["mean_gap_days_90d"] = line(of("mean_gap_days", 90))
    told["value_max_90d"], told["value_min_90d"] = line(of("max", 90)), line(of("min", 90))
    return told


def _toml(value: object) -> str:
    return str(value).replace("'", '"') if not isinstance(value, str) else f'"{value}"'


def write(path: Path) -> None:
    """Writes the timeline."""
    measures = "".join(
        f'\n[[measure]]\nsignal = "{name}"\n' + _lines(how) for name, how in signals().items()
    )
    path.write_text(TABLES + measures)


def _lines(inner: str) -> str:
    """`a = 1, b = { c = 2, d = 3 }` with each outer key on a line of its own."""
    lines, depth, start = [], 0, 0
    for at, letter in enumerate(inner):
        depth += (letter in "[{") - (letter in "]}")
        if letter == "," and depth == 0:
            lines.append(inner[start:at].strip())
            start = at + 1
    return "\n".join([*lines, inner[start:].strip()]) + "\n"
