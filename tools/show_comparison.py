"""Print the table that comparemethods wrote, and what it says in words."""

import csv
import sys

COLUMNS = ("folds", "method", "n", "rmse", "rmse_low", "rmse_high", "mae", "r2", "r2_log", "coverage90", "rmse_ratio",
           "rmse_ratio_low", "rmse_ratio_high")  # fmt: skip


def cell(text: str) -> str:
    try:
        return text if float(text).is_integer() and "." not in text else f"{float(text):.3g}"
    except ValueError:
        return text or "-"


def verdict(row: dict) -> str:
    """Say whether a method differs from the better kriging by more than noise."""
    low, high, ratio = (float(row[key]) for key in ("rmse_ratio_low", "rmse_ratio_high", "rmse_ratio"))
    change = f"{abs(1 - ratio):.1%} {'lower' if ratio < 1 else 'higher'}"
    if low <= 1 <= high:
        return f"its error is {change} than that of the better kriging, which is within the noise"
    return f"its error is {change} than that of the better kriging, which is more than noise"


with open(sys.argv[1], newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
for target in dict.fromkeys(row["target"] for row in rows):
    mine = [row for row in rows if row["target"] == target]
    table = [COLUMNS, *([cell(row[name]) for name in COLUMNS] for row in mine)]
    widths = [max(len(line[i]) for line in table) for i in range(len(COLUMNS))]
    print(f"{target}: errors in data units; rmse_ratio is to the better kriging on the same folds, with 95 % bounds")
    for line in table:
        print("  " + "  ".join(text.rjust(width) for text, width in zip(line, widths)))
    for row in mine:
        if row["method"] == "hybrid":
            print(f"  {row['folds']} folds: hybrid: {verdict(row)}.")
