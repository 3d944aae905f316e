"""Changes cells of a workbook, as a person at a spreadsheet would.

    set_cells.py FILE.xlsx CHANGED.xlsx CELLS.json

CELLS.json is {"A2": value}: a text, a number, a formula that begins with `=`, or null to empty the cell. Prints null.
"""

import json
import sys

import openpyxl


def main():
    workbook = openpyxl.load_workbook(sys.argv[1])
    sheet = workbook["CRA"]
    with open(sys.argv[3], encoding="utf-8") as cells:
        for cell, value in json.load(cells).items():
            sheet[cell] = value
    workbook.save(sys.argv[2])
    print("null")


main()
