"""Submits a CRA and asks for its figures, by a client that openapi-python-client made of proto/openapi.json.

    client.py INGESTION PROJECTION
"""

import json
import sys
import uuid

from cra_api import Client
from cra_api.api.files import export_statistics
from cra_api.api.ingestion_service import ingestion_service_submit_cra
from cra_api.api.statistics_service import statistics_service_get_statistics
from cra_api.models import (
    Activity,
    AgeCounts,
    Channel,
    Consistency,
    Cra,
    Duration,
    DurationBand,
    ExportStatisticsFormat,
    GetStatisticsRequest,
    Place,
    Selection,
    StatusCounts,
    SubmitCraRequest,
    Theme,
)

ingestion = Client(base_url=sys.argv[1])
projection = Client(base_url=sys.argv[2])

cra = Cra(
    advisor_id="conseiller-1",
    structure_id="structure-1",
    place=Place(channel=Channel.CHANNEL_VENUE, commune_code="35238", postal_code="35000"),
    activity=Activity.ACTIVITY_INDIVIDUAL,
    ages=AgeCounts(over60=1),
    statuses=StatusCounts(retired=1),
    themes=[Theme.THEME_EMAIL],
    duration=Duration(band=DurationBand.DURATION_BAND_UP_TO_30_MINUTES),
)
submission = SubmitCraRequest(cra_id=str(uuid.uuid4()), cra=cra)
receipt = ingestion_service_submit_cra.sync(client=ingestion, body=submission).receipt

question = GetStatisticsRequest(
    selection=Selection(department_codes=["35"]), consistency=Consistency(min_position=receipt.position)
)
figures = statistics_service_get_statistics.sync(client=projection, body=question).statistics

wrong = SubmitCraRequest(cra_id="not a UUID", cra=cra)
refused = ingestion_service_submit_cra.sync(client=ingestion, body=wrong)

csv = export_statistics.sync_detailed(ExportStatisticsFormat.CSV, client=projection, department_codes=["35"])

json.dump(
    {
        "cras": figures.cras,
        "refused": refused.code.value,
        "csv_begins_with": csv.content.decode("utf-8-sig")[:12],
    },
    sys.stdout,
)
