"""Print the table that comparemethods wrote, its main columns, for the eye."""

import csv
import sys

COLUMNS = ("folds", "method", "n", "rmse", "rmse_low", "rmse_high", "mae", "r2", "r2_log", "coverage90", "rmse_ratio",
           "rmse_ratio_low", "rmse_ratio_high")  # fmt: skip


def cell(text: str) -> str:
    try:
        return text if float(text).is_integer() and "." not in text else f"{float(text):.3g}"
    except ValueError:
        return text or "-"


with open(sys.argv[1], newline="", encoding="utf-8") as stream:
    rows = list(csv.DictReader(stream))
for target in dict.fromkeys(row["target"] for row in rows):
    mine = [row for row in rows if row["target"] == target]
    table = [COLUMNS, *([cell(row[name]) for name in COLUMNS] for row in mine)]
    widths = [max(len(line[i]) for line in table) for i in range(len(COLUMNS))]
    print(f"{target}: errors in data units; rmse_ratio is to the better kriging on the same folds, with 95 % bounds")
    for line in table:
        print("  " + "  ".join(text.rjust(width) for text, width in zip(line, widths)))
