"""Fills the template of `cra template` in, as a person at a spreadsheet would, and says what it offers.

    fill_template.py TEMPLATE.xlsx FILLED.xlsx

Writes three rows by the headings' words, two of them equal, and prints {"lists": {heading: formula}, "sheets": [name]}.
"""

import datetime
import json
import sys

import openpyxl

ONE_OFF = {
    "Date": datetime.date(2024, 3, 4),
    "Conseiller": "conseiller-1",
    "Structure": "structure-1",
    "Canal": "Lieu d'activité",
    "Commune": "Ambérieu-en-Bugey",
    "Code postal": "01500",
    "Activité": "Demande ponctuelle",
    "Âge : Plus de 60 ans": 1,
    "Statut : Retraité": 1,
    "Thématiques": "Courriels | Santé",
    "Durée": "30 min. ou moins",
}
WORKSHOP = ONE_OFF | {
    "Activité": "Atelier collectif",
    "Participants": 2,
    "Âge : Plus de 60 ans": 2,
    "Statut : Retraité": 2,
    "Durée": "1h ou plus",
    "Durée en minutes": 90,
    "Suite : redirections": "CAF: 1",
}


def main():
    workbook = openpyxl.load_workbook(sys.argv[1])
    sheet = workbook["CRA"]
    places = {cell.value: cell.column for cell in sheet[1]}
    lists = {}
    for validation in sheet.data_validations.dataValidation:
        if validation.type == "list":
            column = next(iter(validation.sqref.ranges)).min_col
            lists[sheet.cell(1, column).value] = validation.formula1
    for number, row in enumerate([ONE_OFF, ONE_OFF, WORKSHOP], start=2):
        for heading, value in row.items():
            sheet.cell(number, places[heading], value)
    workbook.save(sys.argv[2])
    json.dump({"lists": lists, "sheets": workbook.sheetnames}, sys.stdout, ensure_ascii=False)


main()
