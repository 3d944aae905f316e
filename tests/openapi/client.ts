// Submits a CRA and asks for its figures, with the types that openapi-typescript made of proto/openapi.json.
//
//     node client.js INGESTION PROJECTION

import { randomUUID } from "node:crypto";
import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const [ingestionUrl, projectionUrl] = process.argv.slice(2);
const ingestion = createClient<paths>({ baseUrl: ingestionUrl });
const projection = createClient<paths>({ baseUrl: projectionUrl });

const cra = {
  advisorId: "conseiller-1",
  structureId: "structure-1",
  place: { channel: "CHANNEL_VENUE", communeCode: "35238", postalCode: "35000" },
  activity: "ACTIVITY_INDIVIDUAL",
  ages: { over60: 1 },
  statuses: { retired: 1 },
  themes: ["THEME_EMAIL"],
  duration: { band: "DURATION_BAND_UP_TO_30_MINUTES" },
} as const;

// openapi-fetch takes the example's lists as they are.
type Submission = NonNullable<
  paths["/cra.v1.IngestionService/SubmitCra"]["post"]["requestBody"]
>["content"]["application/json"];
const body: Submission = { craId: randomUUID(), cra: { ...cra, themes: [...cra.themes] } };

const submitted = await ingestion.POST("/cra.v1.IngestionService/SubmitCra", { body });
const answered = await projection.POST("/cra.v1.StatisticsService/GetStatistics", {
  body: {
    selection: { departmentCodes: ["35"] },
    consistency: { minPosition: submitted.data?.receipt?.position ?? "" },
  },
});
const refused = await ingestion.POST("/cra.v1.IngestionService/SubmitCra", {
  body: { ...body, craId: "not a UUID" },
});
const file = await projection.GET("/v1/export/statistics.{format}", {
  params: { path: { format: "csv" }, query: { departmentCodes: ["35"] } },
  parseAs: "text",
});

console.log(
  JSON.stringify({
    cras: answered.data?.statistics?.cras,
    refused: refused.error?.code,
    csvBeginsWith: String(file.data).replace("\ufeff", "").slice(0, 12),
  }),
);
