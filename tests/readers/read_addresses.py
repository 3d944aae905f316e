"""Reads files by their addresses with pandas, and what was fetched with DuckDB; prints what they count, as JSON.

    read_addresses.py STATISTICS.csv BREAKDOWN.csv CRAS.csv CRAS.parquet CRA-THEMES.parquet
"""

import json
import sys
import tempfile
import urllib.request

import duckdb
import pandas

statistics, breakdown, cras_csv, cras_parquet, themes = sys.argv[1:]

# The two lines of the guide.
figures = pandas.read_csv(statistics, sep=";", dtype=str)
cras = pandas.read_parquet(cras_parquet)

headline = figures[figures["section"] == "headline"].set_index("code")["valeur"]
by_department = pandas.read_csv(breakdown, sep=";", dtype={"code": str}, decimal=",")

with tempfile.NamedTemporaryFile(suffix=".parquet") as file:
    with urllib.request.urlopen(cras_parquet) as answer:
        file.write(answer.read())
    file.flush()
    counted = duckdb.sql(f"select count(*), sum(participants) from read_parquet('{file.name}')").limit(1).fetchall()[0]

json.dump(
    {
        "cras": int(headline["cras"]),
        "acts_by_department": int(by_department["accompagnements"].sum()),
        "rows_of_csv": len(pandas.read_csv(cras_csv, sep=";", dtype=str)),
        "rows_of_parquet": len(cras) if counted[0] == len(cras) else -1,
        "participants_by_duckdb": int(counted[1]),
        "rows_of_themes": len(pandas.read_parquet(themes)),
    },
    sys.stdout,
)
