"""Rewrites a table of CRAs as people's spreadsheets would, with libraries that know nothing of this project.

    rewrite_table.py FILE.csv | FILE.xlsx FOLDER

Writes into FOLDER, and prints the names as JSON:
french.csv      Windows-1252, `;`, days as 29/02/2024, labels instead of codes, zeros of codes lost, other columns first,
                headings in capitals, empty rows and columns behind
tabs.csv        UTF-16 with its mark, parted by tabs
commas.csv      UTF-8 without a mark, parted by commas, lines ending with LF
typed.xlsx      a workbook of numbers and dates, codes as numbers, under a title
texts.xlsx      a workbook of texts alone
"""

import csv
import datetime
import io
import json
import pathlib
import sys

import openpyxl

CODES = {"canal_code", "activite_code", "themes_codes", "sous_themes_codes", "duree_code"}
NUMBERED = {"commune_code", "code_postal"}


def read(path):
    if path.suffix == ".csv":
        text = path.read_bytes().decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True))
    sheet = openpyxl.load_workbook(path).worksheets[0]
    rows = []
    for row in sheet.iter_rows(values_only=True):
        rows.append([text_of(cell) for cell in row])
    return rows


def text_of(cell):
    if cell is None:
        return ""
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat()
    return str(cell)


def french(rows):
    names = rows[0]
    kept = [place for place, name in enumerate(names) if name not in CODES]
    kept = kept[5:] + kept[:5]
    written = [[names[place].upper() for place in kept] + ["", ""]]
    for row in rows[1:]:
        cells = []
        for place in kept:
            cell = row[place]
            if names[place] == "date":
                cell = datetime.date.fromisoformat(cell).strftime("%d/%m/%Y")
            if names[place] in NUMBERED and cell.isdigit():
                cell = str(int(cell))
            cells.append(cell)
        written.append(cells + ["", ""])
    return written + [[""] * len(written[0])] * 3


def write_csv(path, rows, encoding, delimiter, line_end):
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def typed(rows):
    names = rows[0]
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.append(["Comptes-rendus de mars"])
    sheet.append([])
    sheet.append(names)
    for row in rows[1:]:
        cells = []
        for name, cell in zip(names, row):
            if name == "date":
                cells.append(datetime.datetime.fromisoformat(cell))
            elif cell.isdigit():
                cells.append(int(cell))
            else:
                cells.append(cell or None)
        sheet.append(cells)
        for cell in sheet[sheet.max_row]:
            if cell.data_type == "f":
                cell.data_type = "s"
    return workbook


def texts(rows):
    workbook = openpyxl.Workbook(write_only=True)
    sheet = workbook.create_sheet("Feuille 1")
    for row in rows:
        cells = []
        for text in row:
            cell = openpyxl.cell.WriteOnlyCell(sheet, value=text or None)
            if text.startswith("="):
                cell.data_type = "s"
            cells.append(cell)
        sheet.append(cells)
    return workbook


def main():
    path, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    rows = read(path)
    write_csv(folder / "french.csv", french(rows), "cp1252", ";", "\r\n")
    write_csv(folder / "tabs.csv", rows, "utf-16", "\t", "\r\n")
    write_csv(folder / "commas.csv", rows, "utf-8", ",", "\n")
    typed(rows).save(folder / "typed.xlsx")
    texts(rows).save(folder / "texts.xlsx")
    json.dump(["french.csv", "tabs.csv", "commas.csv", "typed.xlsx", "texts.xlsx"], sys.stdout)


main()
