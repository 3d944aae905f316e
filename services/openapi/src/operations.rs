//! The unary methods of the contract as `POST` of the Connect protocol.

use cra_contracts::v1;
use cra_runtime::identity::access::{Method, Needs};
use prost_reflect::{DescriptorPool, MethodDescriptor};

use crate::comments::{Comments, first_sentence};
use crate::json::{Json, Members};
use crate::schemas::Schemas;
use crate::{PACKAGE, answers, examples};

/// A service of the pair.
#[derive(Clone, Copy)]
pub(crate) struct Server {
    url: &'static str,
    description: &'static str,
    methods: &'static [Method],
}

/// Default address of the service in `cra standalone` and in the settings.
pub(crate) const INGESTION: Server = Server {
    url: "http://127.0.0.1:50051",
    description: "cra-ingestion: IngestionService, ReferenceService",
    methods: cra_ingestion::METHODS,
};
pub(crate) const PROJECTION: Server = Server {
    url: "http://127.0.0.1:50052",
    description: "cra-projection: StatisticsService, OperationsService, files",
    methods: cra_projection::METHODS,
};

impl Server {
    pub(crate) fn to_json(self) -> Json {
        Json::object().with("url", self.url).with("description", self.description)
    }
}

/// The service that serves a path, and the scopes that it requires.
fn row(path: &str) -> Option<(Server, Needs)> {
    [INGESTION, PROJECTION].into_iter().find_map(|server| {
        let method = server.methods.iter().find(|method| method.path == path)?;
        Some((server, method.needs))
    })
}

/// The required scopes; one is enough.
pub(crate) fn security(needs: Needs) -> Json {
    match needs {
        Needs::Nothing => Vec::<Json>::new().into(),
        Needs::AnyOf(scopes) => {
            let of = |name: &str| Json::object().with("bearer", vec![name]);
            scopes.iter().map(|scope| of(scope.name())).collect::<Vec<_>>().into()
        }
    }
}

/// A path for each unary method.
pub(crate) fn paths(pool: &DescriptorPool, comments: &Comments, schemas: &mut Schemas<'_>) -> Members {
    let services = pool.services().filter(|service| service.package_name() == PACKAGE);
    let methods: Vec<_> = services.flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
    let unary =
        methods.iter().filter(|method| !method.is_client_streaming() && !method.is_server_streaming());
    unary
        .filter_map(|method| {
            let path = format!("/{}/{}", method.parent_service().full_name(), method.name());
            let (server, needs) = row(&path)?;
            let operation = operation(method, needs, comments, schemas);
            let item = Json::object().with("servers", vec![server.to_json()]).with("post", operation);
            Some((path, item))
        })
        .collect()
}

fn operation(
    method: &MethodDescriptor,
    needs: Needs,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
) -> Json {
    let (service, name) = (method.parent_service(), method.name());
    let comment = comments.of_method(method);
    let summary = match first_sentence(comment) {
        "" => words(name),
        sentence => sentence.to_owned(),
    };
    let mut request = Json::object().with("schema", schemas.message(&method.input()));
    if let Some(example) = examples::request(name) {
        let named = Json::object().with("value", example);
        request = request.with("examples", Json::object().with("first", named));
    }
    let answer = Json::object().with("schema", schemas.message(&method.output()));
    let responses = Json::object().with(
        "200",
        Json::object()
            .with("description", "The answer.")
            .with("content", Json::object().with("application/json", answer)),
    );
    Json::object()
        .with("operationId", format!("{}_{name}", service.name()))
        .with("tags", vec![service.name()])
        .with("summary", summary)
        .with_text("description", comment)
        .with("security", security(needs))
        .with("parameters", vec![Json::reference("parameters/ConnectTimeoutMs")])
        .with(
            "requestBody",
            Json::object()
                .with("required", true)
                .with("content", Json::object().with("application/json", request)),
        )
        .with("responses", answers::of_a_call(responses, needs))
}

/// Converts `GetStatus` to "Get status".
fn words(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
            words.extend(letter.to_lowercase());
        } else {
            words.push(letter);
        }
    }
    words
}

/// The scopes that an export requires, by its content.
pub(crate) fn needs_of_file(content: v1::ExportContent) -> &'static str {
    use v1::ExportContent as C;
    match content {
        C::Statistics | C::Breakdown | C::Series | C::Unspecified => "statistics:read",
        C::Cras | C::CraThemes | C::CraAges | C::CraStatuses | C::CraOrganisations => "cra:read",
    }
}
