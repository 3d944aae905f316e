//! OpenAPI 3.1 of the contract, made from its descriptors, their comments, and the tables of the services: which scope a
//! method needs, which formats a file has, how long a list may be.
//!
//! [`text`] is the content of `proto/openapi.json`, which both services serve at `/openapi.json`. A test holds the file
//! current; this command writes it:
//!
//! ```sh
//! cargo run --package cra-openapi --example write
//! ```

mod answers;
mod comments;
mod examples;
mod files;
mod json;
mod limits;
mod operations;
mod schemas;

use cra_contracts::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorError, DescriptorPool};

use comments::Comments;
use json::Json;
use schemas::Schemas;

/// Path of the document in the repository.
pub const FILE: &str = "proto/openapi.json";

/// Package of the contract.
const PACKAGE: &str = "cra.v1";

const DESCRIPTION: &str = "\
Comptes-rendus d'activité (CRA) of French digital mediators: platforms record them, tools of the programme read figures, lists \
and files. The contract is `proto/cra/v1`; this document is its JSON form over HTTP/1.1 and HTTP/2.\n\n\
**Calls** are `POST /cra.v1.Service/Method` with a JSON body, as the Connect protocol defines unary calls: names of fields in \
lowerCamelCase, enums by name, 64-bit integers as strings, times as RFC 3339 texts. An answer leaves out fields at their \
default: 0, \"\", false, an empty list. An unknown field or value of a request is refused and named. \
`Connect-Timeout-Ms` sets a deadline.\n\n\
**Files** are `GET /v1/export/CONTENT.FORMAT`, with the selection in the query.\n\n\
**Left out** are the methods that stream, which OpenAPI has no form for: `IngestionService.SubmitCras` and \
`ImportLegacyCras`, `StatisticsService.WatchStatistics`, `FollowCras` and `Export` (files are its plain form), \
`OperationsService.Rebuild` and `Verify`. Clients of gRPC or Connect, generated from `proto/cra/v1`, call them.\n\n\
**Errors** name a stable reason, every faulty field, and a French message for the person who fills the form. Calls answer \
the JSON of the Connect protocol, files `application/problem+json` (RFC 9457).\n\n\
The two services listen on two addresses: each operation names its own.";

/// The document, with a line break at its end.
pub fn text() -> Result<String, DescriptorError> {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET)?;
    Ok(document(&pool).pretty())
}

fn document(pool: &DescriptorPool) -> Json {
    let comments = Comments::of(pool);
    let mut schemas = Schemas::new(&comments, pool);
    let mut paths = operations::paths(pool, &comments, &mut schemas);
    paths.extend(files::paths(pool, &comments, &mut schemas));
    paths.push((files::DOCUMENT.to_owned(), files::document()));
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    let mut tags: Vec<Json> = services
        .map(|service| {
            Json::object().with("name", service.name()).with("description", comments.of_service(&service))
        })
        .collect();
    tags.push(
        Json::object()
            .with("name", files::TAG)
            .with("description", "Files of figures and CRAs, and this document."),
    );
    let mut all_schemas = schemas.into_all();
    all_schemas.extend(answers::schemas());
    let components = Json::object()
        .with("schemas", Json::Object(all_schemas))
        .with("parameters", Json::Object(files::parameters(pool, &comments)))
        .with("headers", answers::headers())
        .with("responses", answers::responses())
        .with(
            "securitySchemes",
            Json::object().with(
                "bearer",
                Json::object()
                    .with("type", "http")
                    .with("scheme", "bearer")
                    .with("bearerFormat", "JWT")
                    .with("description", "A token of the platform's issuer. A service without identity, on loopback, needs none."),
            ),
        );
    let info = Json::object()
        .with("title", "CRA")
        .with("summary", "Record and count the work of French digital mediators")
        .with("description", DESCRIPTION)
        .with("version", env!("CARGO_PKG_VERSION"))
        .with("license", Json::object().with("name", "MIT").with("identifier", "MIT"));
    Json::object()
        .with("openapi", "3.1.1")
        .with("info", info)
        .with("servers", vec![operations::INGESTION.to_json(), operations::PROJECTION.to_json()])
        .with("security", vec![Json::object().with("bearer", Vec::<Json>::new())])
        .with("tags", tags)
        .with("paths", Json::Object(paths))
        .with("components", components)
}
