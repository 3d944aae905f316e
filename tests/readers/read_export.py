"""Prints an exported file as JSON, as a reader that knows nothing of this project finds it.

    read_export.py FILE.csv | FILE.xlsx | FILE.parquet

CSV: {"starts_with_mark", "ends_lines_with_crlf", "rows": [[text]]}, the names of the columns first.
XLSX: {"title", "sheets": [{"name", "charts", "frozen", "rows": [[cell]]}]}; a cell is null or {kind: value}, and the
kind is "text", "number", "percent", "day", "moment" or, which no export should have, "formula".
Parquet: {"columns": [{"name", "type", "optional"}], "rows": [[value]], "groups"}.
"""

import csv
import datetime
import io
import json
import pathlib
import sys


def read_csv(path):
    data = path.read_bytes()
    text = data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))
    lines = text.count("\n")
    return {
        "starts_with_mark": data.startswith(b"\xef\xbb\xbf"),
        "ends_lines_with_crlf": text.endswith("\r\n") and text.count("\r\n") == lines,
        "rows": rows,
    }


def cell_of(cell):
    if cell.value is None:
        return None
    if cell.data_type == "f":
        return {"formula": str(cell.value)}
    if cell.data_type in ("s", "str", "inlineStr"):
        return {"text": cell.value}
    if isinstance(cell.value, datetime.datetime):
        if "h" in cell.number_format:
            return {"moment": cell.value.isoformat(timespec="milliseconds")}
        return {"day": cell.value.date().isoformat()}
    if cell.data_type == "n":
        return {"percent" if "%" in cell.number_format else "number": cell.value}
    raise ValueError(f"{cell.coordinate} is a {cell.data_type}")


def read_xlsx(path):
    import openpyxl

    workbook = openpyxl.load_workbook(path)
    sheets = [
        {
            "name": sheet.title,
            "charts": [len(chart.series) for chart in sheet._charts],
            "frozen": sheet.freeze_panes,
            "rows": [[cell_of(cell) for cell in row] for row in sheet.iter_rows()],
        }
        for sheet in workbook.worksheets
    ]
    return {"title": workbook.properties.title, "sheets": sheets}


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return value


def read_parquet(path):
    import pyarrow.parquet

    file = pyarrow.parquet.ParquetFile(path)
    table = file.read()
    columns = [
        {"name": field.name, "type": str(field.type), "optional": field.nullable} for field in table.schema
    ]
    rows = [[plain(value) for value in row.values()] for row in table.to_pylist()]
    return {"columns": columns, "rows": rows, "groups": file.num_row_groups}


def main():
    path = pathlib.Path(sys.argv[1])
    readers = {".csv": read_csv, ".xlsx": read_xlsx, ".parquet": read_parquet}
    json.dump(readers[path.suffix](path), sys.stdout, ensure_ascii=False)


main()
