"""Prints an exported file as JSON, as a reader that knows nothing of this project finds it.

    read_export.py FILE.csv | FILE.xlsx | FILE.parquet

CSV: {"starts_with_mark", "ends_lines_with_crlf", "rows": [[text]]}, the names of the columns first.
XLSX: {"title", "sheets": [{"name", "charts", "frozen", "filter", "page", "rows": [[cell]]}]}; a cell is null or
{kind: value}, and the kind is "text", "number", "percent", "day", "moment" or, which no export should have, "formula".
A page is {"landscape", "a4", "fits": [wide, tall], "repeated", "last_row", "last_column", "header", "footer",
"anchors": [[first column, first row, last column, last row]], "widths"}: rows and columns count from 1, a page that fits
0 is as many pages as need be, the widths are those of the columns up to the last printed one.
Parquet: {"columns": [{"name", "type", "optional"}], "rows": [[value]], "groups", "metadata": {key: value}}.
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


def text_of(header_or_footer):
    parts = (header_or_footer.left, header_or_footer.center, header_or_footer.right)
    return " | ".join(part.text for part in parts if part.text)


def page_of(sheet):
    """How a sheet prints, and which cells its charts cover."""
    from openpyxl.utils import get_column_letter, range_boundaries

    setup, area = sheet.page_setup, sheet.print_area
    cells = area.split("!")[-1].replace("$", "") if area else None
    last_column, last_row = range_boundaries(cells)[2:] if cells else (None, None)
    fits = sheet.sheet_properties.pageSetUpPr is not None and sheet.sheet_properties.pageSetUpPr.fitToPage
    # What a file does not say is one page.
    said = [1 if number is None else int(number) for number in (setup.fitToWidth, setup.fitToHeight)]
    anchors = []
    for chart in sheet._charts:
        start, end = chart.anchor._from, chart.anchor.to
        anchors.append([start.col + 1, start.row + 1, end.col + 1, end.row + 1])
    widths = [
        sheet.column_dimensions[get_column_letter(column)].width for column in range(1, (last_column or 0) + 1)
    ]
    return {
        "landscape": setup.orientation == "landscape",
        "a4": setup.paperSize == 9 or setup.paperSize == "9",
        "fits": said if fits else None,
        "repeated": sheet.print_title_rows,
        "last_row": last_row,
        "last_column": last_column,
        "header": text_of(sheet.oddHeader),
        "footer": text_of(sheet.oddFooter),
        "anchors": anchors,
        "widths": widths,
    }


def read_xlsx(path):
    import openpyxl

    workbook = openpyxl.load_workbook(path)
    sheets = [
        {
            "name": sheet.title,
            "charts": [len(chart.series) for chart in sheet._charts],
            "frozen": sheet.freeze_panes,
            "filter": sheet.auto_filter.ref,
            "page": page_of(sheet),
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
    pairs = file.metadata.metadata or {}
    metadata = {key.decode(): value.decode() for key, value in pairs.items() if key.startswith(b"cra.")}
    return {"columns": columns, "rows": rows, "groups": file.num_row_groups, "metadata": metadata}


def main():
    path = pathlib.Path(sys.argv[1])
    readers = {".csv": read_csv, ".xlsx": read_xlsx, ".parquet": read_parquet}
    json.dump(readers[path.suffix](path), sys.stdout, ensure_ascii=False)


main()
