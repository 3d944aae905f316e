"""Calls both services with `requests`: JSON by POST, GET with a condition, files, refusals.

    call_by_requests.py INGESTION PROJECTION
"""

import json
import sys
import uuid

import requests

ingestion, projection = sys.argv[1:]
session = requests.Session()

cra = {
    "advisorId": "conseiller-1",
    "structureId": "structure-1",
    "date": "2024-03-04",
    "place": {"channel": "CHANNEL_VENUE", "communeCode": "35238", "postalCode": "35000"},
    "activity": "ACTIVITY_INDIVIDUAL",
    "ages": {"over60": 1},
    "statuses": {"retired": 1},
    "themes": ["THEME_EMAIL"],
    "duration": {"band": "DURATION_BAND_UP_TO_30_MINUTES"},
}
request = {"craId": str(uuid.uuid4()), "cra": cra}
submitted = session.post(f"{ingestion}/cra.v1.IngestionService/SubmitCra", json=request, timeout=30)
position = submitted.json()["receipt"]["position"]

method = f"{projection}/cra.v1.StatisticsService/GetStatistics"
question = {"selection": {"departmentCodes": ["35"]}, "consistency": {"minPosition": position}}
counted = session.post(method, json=question, timeout=30)

by_get = {"connect": "v1", "encoding": "json", "message": json.dumps(question)}
first = session.get(method, params=by_get, timeout=30)
again = session.get(method, params=by_get, headers={"If-None-Match": first.headers["ETag"]}, timeout=30)

refused = session.post(f"{ingestion}/cra.v1.IngestionService/SubmitCra", json={**request, "craId": "no id"}, timeout=30)
details = refused.json()["details"]
violations = [
    violation["reason"]
    for detail in details
    if detail["type"] == "google.rpc.BadRequest"
    for violation in detail["debug"]["fieldViolations"]
]

selected = {"department": ["35", "75"], "from": "2024-01-01", "minPosition": position}
file = session.get(f"{projection}/v1/export/statistics.csv", params=selected, timeout=30)
unknown = session.get(f"{projection}/v1/export/statistics.csv", params={"departement": "35"}, timeout=30)

json.dump(
    {
        "cras": counted.json()["statistics"]["cras"],
        "by_get": first.json() == counted.json(),
        "again": [again.status_code, len(again.content)],
        "refused": [refused.status_code, refused.json()["code"], violations],
        "file": [file.status_code, file.headers["Content-Encoding"], file.content.decode("utf-8-sig")[:12]],
        "problem": [unknown.status_code, unknown.headers["Content-Type"], unknown.json()["violations"][0]["reason"]],
    },
    sys.stdout,
)
