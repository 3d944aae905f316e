//! Errors: of calls in the JSON of the Connect protocol, of files as problems (RFC 9457).

use cra_runtime::identity::access::Needs;

use crate::examples;
use crate::json::{Json, Members};

/// Codes of the Connect protocol that a refusal may have, with the HTTP status of each.
const CODES: [(&str, u64); 16] = [
    ("canceled", 499),
    ("unknown", 500),
    ("invalid_argument", 400),
    ("deadline_exceeded", 504),
    ("not_found", 404),
    ("already_exists", 409),
    ("permission_denied", 403),
    ("resource_exhausted", 429),
    ("failed_precondition", 400),
    ("aborted", 409),
    ("out_of_range", 400),
    ("unimplemented", 501),
    ("internal", 500),
    ("unavailable", 503),
    ("data_loss", 500),
    ("unauthenticated", 401),
];

/// The responses of a call with its refusals.
pub(crate) fn of_a_call(responses: Json, needs: Needs) -> Json {
    with_refusals(responses, needs != Needs::Nothing, "CallRefused")
}

/// The responses of a file with its refusals.
pub(crate) fn of_a_file(responses: Json) -> Json {
    with_refusals(responses, true, "FileRefused")
}

fn with_refusals(responses: Json, needs_token: bool, refused: &str) -> Json {
    let refusal = Json::reference(&format!("responses/{refused}"));
    let mut responses = responses.with("400", refusal.clone());
    if needs_token {
        responses = responses.with("401", refusal.clone()).with("403", refusal.clone());
    }
    responses.with("429", refusal.clone()).with("default", refusal)
}

pub(crate) fn responses() -> Json {
    let refused = |description: &str, media_type: &str, schema: &str, example: Json| {
        let content = Json::object()
            .with("schema", Json::reference(&format!("schemas/{schema}")))
            .with("examples", Json::object().with("unknownTerritory", Json::object().with("value", example)));
        let headers = ["Retry-After", "WWW-Authenticate"]
            .map(|name| (name.to_owned(), Json::reference(&format!("headers/{name}"))));
        Json::object()
            .with("description", description)
            .with("headers", Json::Object(headers.to_vec()))
            .with("content", Json::object().with(media_type, content))
    };
    Json::object()
        .with(
            "CallRefused",
            refused(
                "The call is refused, or failed.",
                "application/json",
                "ConnectError",
                examples::refused_call().into(),
            ),
        )
        .with(
            "FileRefused",
            refused(
                "The file is refused.",
                "application/problem+json",
                "Problem",
                examples::refused_file().into(),
            ),
        )
}

pub(crate) fn headers() -> Json {
    let header = |description: &str, kind: &str| {
        Json::object().with("description", description).with("schema", Json::object().with("type", kind))
    };
    Json::object()
        .with(
            "Retry-After",
            header("Seconds after which the same request makes sense; absent where it does not.", "integer"),
        )
        .with(
            "WWW-Authenticate",
            header("With 401 and 403: what is wrong with the token (RFC 6750).", "string"),
        )
        .with("ETag", header("Name of this content: log, position, definitions and question.", "string"))
        .with(
            "Content-Disposition",
            header("Name of the file, which has its content, days, selection and position.", "string"),
        )
        .with(
            "Cache-Control",
            header("`private, no-cache`: a cache of the caller alone asks with If-None-Match.", "string"),
        )
}

pub(crate) fn schemas() -> Members {
    let codes: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    let statuses: Vec<String> = CODES.iter().map(|(code, status)| format!("`{code}`: {status}")).collect();
    let text = |description: &str| Json::object().with("type", "string").with("description", description);
    let detail = Json::object()
        .with("type", "object")
        .with("description", "A message of google.rpc: ErrorInfo with the stable reason, BadRequest with every faulty field, RetryInfo, ResourceInfo, LocalizedMessage.")
        .with("required", vec!["type", "value"])
        .with("properties", Json::object()
            .with("type", text("Full name of the message, such as `google.rpc.BadRequest`."))
            .with("value", text("The message in binary, in base64 without padding."))
            .with("debug", Json::object().with("type", "object").with("description", "The message in JSON, for people and simple clients.").with("additionalProperties", true)));
    let error = Json::object()
        .with("type", "object")
        .with(
            "description",
            format!("Error of the Connect protocol. HTTP status by code: {}.", statuses.join(", ")),
        )
        .with("required", vec!["code"])
        .with(
            "properties",
            Json::object()
                .with("code", Json::object().with("type", "string").with("enum", codes))
                .with("message", text("English: what happened and what to do."))
                .with(
                    "details",
                    Json::object()
                        .with("type", "array")
                        .with("items", Json::reference("schemas/ConnectErrorDetail")),
                ),
        );
    let violation =
        Json::object().with("type", "object").with("required", vec!["field", "reason", "description"]).with(
            "properties",
            Json::object()
                .with("parameter", text("Parameter of the address, as it was written."))
                .with(
                    "field",
                    text("Path of the field in ExportRequest, such as `selection.department_codes[0]`."),
                )
                .with("reason", text("Stable, SCREAMING_SNAKE_CASE."))
                .with("description", text("English: what was found and what is expected."))
                .with("localizedMessage", text("French, for the person who asks.")),
        );
    let any = Json::object()
        .with("type", "object")
        .with("required", vec!["@type"])
        .with(
            "properties",
            Json::object().with("@type", text("Such as `type.googleapis.com/google.rpc.ErrorInfo`.")),
        )
        .with("additionalProperties", true);
    let problem = Json::object()
        .with("type", "object")
        .with("description", "Problem of RFC 9457, with the error of the same gRPC call.")
        .with("required", vec!["type", "title", "status"])
        .with(
            "properties",
            Json::object()
                .with("type", text("`about:blank`: the status says what kind of problem it is."))
                .with("title", text("Phrase of the HTTP status."))
                .with(
                    "status",
                    Json::object().with("type", "integer").with("minimum", 400).with("maximum", 599),
                )
                .with("detail", text("English: what happened and what to do."))
                .with("code", text("Name of the gRPC code, such as `INVALID_ARGUMENT`."))
                .with("reason", text("Stable, SCREAMING_SNAKE_CASE; absent where the service gives none."))
                .with(
                    "violations",
                    Json::object()
                        .with("type", "array")
                        .with("items", Json::reference("schemas/ProblemViolation")),
                )
                .with(
                    "details",
                    Json::object()
                        .with("type", "array")
                        .with("description", "Every detail of the gRPC status, in JSON.")
                        .with("items", Json::reference("schemas/ProblemDetail")),
                ),
        );
    [
        ("ConnectError", error),
        ("ConnectErrorDetail", detail),
        ("Problem", problem),
        ("ProblemDetail", any),
        ("ProblemViolation", violation),
    ]
    .map(|(name, schema)| (name.to_owned(), schema))
    .to_vec()
}
