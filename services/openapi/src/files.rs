//! The plain files: an export per content and format, with the selection in the query.

use std::fmt::Write as _;

use cra_contracts::files::{self, ADDRESS};
use cra_contracts::query::Parameter;
use cra_contracts::v1::{self, ExportContent, ExportFormat};
use cra_projection::queries::check_export;
use prost_reflect::{Cardinality, DescriptorPool, Kind};

use crate::answers;
use crate::comments::Comments;
use crate::json::{Json, Members};
use crate::operations::{PROJECTION, needs_of_file};
use crate::schemas::Schemas;

/// Tag of operations that belong to no service of the contract.
pub(crate) const TAG: &str = "Files";
/// Address of this document.
pub(crate) const DOCUMENT: &str = "/openapi.json";

/// A path for each content.
pub(crate) fn paths(pool: &DescriptorPool, comments: &Comments, schemas: &mut Schemas<'_>) -> Members {
    for parameter in files::parameters().all() {
        if let Kind::Enum(of) = parameter.field().kind() {
            schemas.words(&of);
        }
    }
    let contents = pool.get_enum_by_name("cra.v1.ExportContent");
    let contents = contents.into_iter().flat_map(|contents| contents.values().collect::<Vec<_>>());
    contents
        .filter_map(|value| {
            let content = ExportContent::try_from(value.number()).ok()?;
            let name = files::content_name(content)?;
            let comment = comments.of_value(&value);
            let path = format!("{ADDRESS}{name}.{{format}}");
            let operation = operation(content, &name, comment);
            Some((path, Json::object().with("servers", vec![PROJECTION.to_json()]).with("get", operation)))
        })
        .collect()
}

fn operation(content: ExportContent, name: &str, comment: &str) -> Json {
    let formats: Vec<(ExportFormat, String)> = offered(content);
    let names: Vec<&str> = formats.iter().map(|(_, name)| name.as_str()).collect();
    let mut parameters = vec![
        Json::object()
            .with("name", "format")
            .with("in", "path")
            .with("required", true)
            .with("schema", Json::object().with("type", "string").with("enum", names)),
    ];
    let own = files::parameters().all().iter().filter(|parameter| match parameter.name() {
        "dimension" => content == ExportContent::Breakdown,
        "granularity" => content == ExportContent::Series,
        _ => true,
    });
    parameters.extend(own.map(|parameter| Json::reference(&format!("parameters/{}", parameter.name()))));
    parameters.push(Json::reference("parameters/IfNoneMatch"));
    let content_of = |(format, _): &(ExportFormat, String)| {
        let schema = match format {
            ExportFormat::Csv | ExportFormat::Ndjson => Json::object().with("type", "string"),
            _ => Json::object().with("type", "string").with("format", "binary"),
        };
        (files::media_type(*format).to_owned(), Json::object().with("schema", schema))
    };
    let headers = ["Content-Disposition", "ETag", "Cache-Control"];
    let headers = headers.map(|name| (name.to_owned(), Json::reference(&format!("headers/{name}"))));
    let file = Json::object()
        .with(
            "description",
            "The file. One that breaks off ends with the connection or stream, and is not whole.",
        )
        .with("headers", Json::Object(headers.to_vec()))
        .with("content", Json::Object(formats.iter().map(content_of).collect()));
    let responses = Json::object().with("200", file).with(
        "304",
        Json::object().with("description", "The content that If-None-Match names is the current one."),
    );
    let description = format!(
        "{comment}\n\nNeeds the scope `{}`. An address is a header: with its other headers, a request has 16 KiB at most. \
         A longer list goes by `StatisticsService.Export`.",
        needs_of_file(content)
    );
    let security = vec![Json::object().with("bearer", vec![needs_of_file(content)])];
    Json::object()
        .with("operationId", format!("export_{}", name.replace('-', "_")))
        .with("tags", vec![TAG])
        .with("summary", format!("File: {}", name.replace('-', " ")))
        .with("description", description.trim())
        .with("security", security)
        .with("parameters", parameters)
        .with("responses", answers::of_a_file(responses))
}

fn offered(content: ExportContent) -> Vec<(ExportFormat, String)> {
    let formats = [ExportFormat::Csv, ExportFormat::Xlsx, ExportFormat::Ndjson, ExportFormat::Parquet];
    let is_offered = |format: &ExportFormat| {
        let is_of = |of| content == of;
        let (dimension, granularity) = (v1::Dimension::Region, v1::Granularity::Month);
        let request = v1::ExportRequest {
            content: content.into(),
            format: (*format).into(),
            dimension: if is_of(ExportContent::Breakdown) { dimension.into() } else { 0 },
            granularity: if is_of(ExportContent::Series) { granularity.into() } else { 0 },
            selection: Some(v1::Selection {
                from: "2026-10-01".into(),
                to: "2026-10-31".into(),
                ..v1::Selection::default()
            }),
            ..v1::ExportRequest::default()
        };
        check_export(&request).is_ok()
    };
    formats.into_iter().filter(is_offered).map(|format| (format, files::format_name(format))).collect()
}

/// The parameters of all files, and those of calls.
pub(crate) fn parameters(pool: &DescriptorPool, comments: &Comments) -> Members {
    let mut schemas = Schemas::new(comments, pool);
    let mut all: Members = files::parameters()
        .all()
        .iter()
        .map(|parameter| (parameter.name().to_owned(), parameter_of(parameter, comments, &mut schemas)))
        .collect();
    let header = |name: &str, description: &str, schema: Json| {
        Json::object()
            .with("name", name)
            .with("in", "header")
            .with("description", description)
            .with("schema", schema)
    };
    let text = Json::object().with("type", "string");
    all.push((
        "IfNoneMatch".to_owned(),
        header(
            "If-None-Match",
            "The ETag of an earlier answer: 304 where the content is still that one.",
            text,
        ),
    ));
    let milliseconds =
        Json::object().with("type", "integer").with("minimum", 1).with("maximum", 9_999_999_999);
    all.push((
        "ConnectTimeoutMs".to_owned(),
        header("Connect-Timeout-Ms", "Deadline of the call, in milliseconds.", milliseconds),
    ));
    all
}

fn parameter_of(parameter: &Parameter, comments: &Comments, schemas: &mut Schemas<'_>) -> Json {
    let field = parameter.field();
    let Json::Object(members) = schemas.field(field, true) else { return Json::Null };
    let schema = members.into_iter().filter(|(name, _)| name != "description").collect();
    let mut text = comments.of_field(field).to_owned();
    if let Some(short) = parameter.short() {
        let _ = write!(text, "\n\nThe short form `{short}` is the same parameter.");
    }
    if let Kind::Enum(_) = field.kind() {
        text += "\n\nA value may be written short: without the prefix of its enum, in lower case.";
    }
    let is_list = field.cardinality() == Cardinality::Repeated;
    let of = Json::object().with("name", parameter.name()).with("in", "query");
    let of =
        if matches!(parameter.name(), "dimension" | "granularity") { of.with("required", true) } else { of };
    let of = of.with_text("description", text.trim());
    let of = if is_list { of.with("style", "form").with("explode", true) } else { of };
    of.with("schema", Json::Object(schema))
}

pub(crate) fn document() -> Json {
    let schema = Json::object().with("type", "object").with("additionalProperties", true);
    let content = Json::object().with("application/json", Json::object().with("schema", schema));
    let document = Json::object().with("description", "This document.").with("content", content);
    let unchanged =
        Json::object().with("description", "The document that If-None-Match names is the current one.");
    let get = Json::object()
        .with("operationId", "openapi")
        .with("tags", vec![TAG])
        .with("summary", "This document, without a token")
        .with("security", Vec::<Json>::new())
        .with("parameters", vec![Json::reference("parameters/IfNoneMatch")])
        .with(
            "responses",
            Json::object()
                .with("200", document)
                .with("304", unchanged)
                .with("429", Json::reference("responses/FileRefused")),
        );
    Json::object().with("get", get)
}
