"""Reads a folder of open data: the CSV as its data package and Table Schema say, the Parquet file, and compares them."""

import csv
import json
import pathlib
import sys

import pyarrow.parquet

folder = pathlib.Path(sys.argv[1])
package = json.loads((folder / "datapackage.json").read_text("utf-8"))
resource = package["resources"][0]
schema = json.loads((folder / resource["schema"]).read_text("utf-8"))
dialect = resource["dialect"]
with open(folder / resource["path"], encoding="utf-8-sig", newline="") as file:
    rows = list(csv.DictReader(file, delimiter=dialect["delimiter"], quotechar=dialect["quoteChar"]))

typed = []
for row in rows:
    assert list(row) == [field["name"] for field in schema["fields"]], list(row)
    typed.append({it["name"]: int(row[it["name"]]) if it["type"] == "integer" else row[it["name"]] for it in schema["fields"]})
keys = {tuple(row[name] for name in schema["primaryKey"]) for row in typed}
assert len(keys) == len(typed), "the primary key is not one"

table = pyarrow.parquet.read_table(folder / "cra-departements-mois.parquet")
assert table.to_pylist() == typed, "Parquet and CSV differ"
json.dump(
    {
        "rows": len(typed),
        "departments": len({row["departement_code"] for row in typed}),
        "cras": sum(row["cras"] for row in typed),
        "acts": sum(row["accompagnements"] for row in typed),
        "publication": table.schema.metadata[b"publication"].decode(),
    },
    sys.stdout,
)
