//! What each call of this service needs, in one table. The words of the form and the communes are nobody's secret.

use cra_runtime::identity::Scope;
use cra_runtime::identity::access::{Method, Needs, Shape};

const fn method(path: &'static str, shape: Shape, scopes: &'static [Scope]) -> Method {
    Method { path, needs: Needs::AnyOf(scopes), shape }
}

const fn open(path: &'static str) -> Method {
    Method { path, needs: Needs::Nothing, shape: Shape::Single }
}

/// A row for every method that is served.
pub const METHODS: &[Method] = &[
    method("/cra.v1.IngestionService/SubmitCra", Shape::Single, &[Scope::Submit]),
    method("/cra.v1.IngestionService/SubmitCras", Shape::Both, &[Scope::Submit]),
    method("/cra.v1.IngestionService/CorrectCra", Shape::Single, &[Scope::Correct]),
    method("/cra.v1.IngestionService/WithdrawCra", Shape::Single, &[Scope::Correct]),
    method("/cra.v1.IngestionService/ImportLegacyCras", Shape::Both, &[Scope::Import]),
    method("/cra.v1.IngestionService/GetCraHistory", Shape::Single, &[Scope::Read]),
    open("/cra.v1.ReferenceService/GetVocabulary"),
    open("/cra.v1.ReferenceService/SearchCommunes"),
];
