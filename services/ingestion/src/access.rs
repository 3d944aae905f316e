//! What each call of this service needs, in one table. The vocabulary and the communes are public.

use cra_runtime::identity::Scope;
use cra_runtime::identity::access::{Method, Needs, Shape};

const fn method(path: &'static str, scopes: &'static [Scope]) -> Method {
    Method { path, needs: Needs::AnyOf(scopes), shape: Shape::Single, one_by_one: None }
}

const fn stream(path: &'static str, scopes: &'static [Scope]) -> Method {
    Method { path, needs: Needs::AnyOf(scopes), shape: Shape::Both, one_by_one: Some("SubmitCra") }
}

const fn open(path: &'static str) -> Method {
    Method { path, needs: Needs::Nothing, shape: Shape::Single, one_by_one: None }
}

/// A row for every served method.
pub const METHODS: &[Method] = &[
    method("/cra.v1.IngestionService/SubmitCra", &[Scope::Submit]),
    stream("/cra.v1.IngestionService/SubmitCras", &[Scope::Submit]),
    method("/cra.v1.IngestionService/CorrectCra", &[Scope::Correct]),
    method("/cra.v1.IngestionService/WithdrawCra", &[Scope::Correct]),
    stream("/cra.v1.IngestionService/ImportLegacyCras", &[Scope::Import]),
    method("/cra.v1.IngestionService/GetCraHistory", &[Scope::Read]),
    open("/cra.v1.ReferenceService/GetVocabulary"),
    open("/cra.v1.ReferenceService/SearchCommunes"),
];
