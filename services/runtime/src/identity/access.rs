//! What each call needs: a row for every method, in a table that the service supplies. A path without a row is not
//! served.
//!
//! Perimeters are checked by the handlers, which alone know the requested CRAs.

use tonic::Status;

use super::caller::{Caller, Scope};
use crate::rejection::{Rejection, SCOPE_MISSING};

/// What a caller must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing, not even a token.
    Nothing,
    /// At least one of these scopes.
    AnyOf(&'static [Scope]),
}

/// Whether a side of a call sends more than one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One request, one answer.
    Single,
    /// One request, a stream of answers.
    Answers,
    /// Streams of requests and answers.
    Both,
}

/// One method of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Path of its calls, such as `/cra.v1.StatisticsService/GetStatistics`.
    pub path: &'static str,
    /// What a caller must have.
    pub needs: Needs,
    /// How it is called.
    pub shape: Shape,
    /// Of a method that takes requests as they come: the name of the one that takes them one by one.
    pub one_by_one: Option<&'static str>,
}

const fn open(path: &'static str, shape: Shape) -> Method {
    Method { path, needs: Needs::Nothing, shape, one_by_one: None }
}

/// Health: called by probes, which have no token.
pub(crate) const HEALTH: &[Method] = &[
    open("/grpc.health.v1.Health/Check", Shape::Single),
    open("/grpc.health.v1.Health/Watch", Shape::Answers),
];

/// Reflection: the contract, which is public.
pub(crate) const REFLECTION: &[Method] = &[
    open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Shape::Both),
    open("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Shape::Both),
];

/// Path of the document that describes the contract: `OpenAPI`, in plain HTTP.
pub(crate) const DOCUMENT: &str = "/openapi.json";

/// What describes the contract, in plain HTTP.
pub(crate) const DOCUMENTS: &[Method] = &[open(DOCUMENT, Shape::Answers)];

/// The rows of a service with these methods, health, what describes the contract, and reflection where it is served.
pub(crate) fn tables(methods: &'static [Method], reflection: bool) -> Vec<&'static [Method]> {
    let reflection = reflection.then_some(REFLECTION);
    [methods, HEALTH, DOCUMENTS].into_iter().chain(reflection).collect()
}

/// The row of a path; `None` if it is not served.
pub(crate) fn find(tables: &[&[Method]], path: &str) -> Option<Method> {
    // A dozen rows: an index would not be faster.
    tables.iter().copied().flatten().find(|method| method.path == path).copied()
}

/// Whether a caller has what a call needs.
pub(crate) fn check(caller: &Caller, needs: Needs) -> Result<(), Status> {
    let Needs::AnyOf(scopes) = needs else { return Ok(()) };
    if scopes.iter().any(|scope| caller.may(*scope)) {
        return Ok(());
    }
    let names: Vec<_> = scopes.iter().map(|scope| scope.name()).collect();
    let names = names.join(" or ");
    Err(Rejection::new(SCOPE_MISSING, format!("the token does not grant {names}, which this call needs"))
        .with("scope", names)
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [Method; 1] = [Method {
        path: "/cra.v1.OperationsService/GetStatus",
        needs: Needs::AnyOf(&[Scope::Operations]),
        shape: Shape::Single,
        one_by_one: None,
    }];

    #[test]
    fn a_path_without_a_row_is_not_served() {
        let served = [&METHODS[..], HEALTH];
        assert_eq!(find(&served, METHODS[0].path), Some(METHODS[0]));
        assert_eq!(find(&served, "/grpc.health.v1.Health/Check"), Some(HEALTH[0]));
        let unknown = ["/cra.v1.OperationsService/Promote", "/", "", "/grpc.health.v1.Health/Checked"];
        for path in unknown.into_iter().chain([REFLECTION[0].path]) {
            assert_eq!(find(&served, path), None, "{path}");
        }
    }

    #[test]
    fn one_of_the_scopes_suffices_and_none_does_not() {
        let caller =
            |scopes: &[Scope]| Caller { scopes: scopes.iter().copied().collect(), ..Caller::anyone() };
        let needs = Needs::AnyOf(&[Scope::Statistics, Scope::Read]);
        assert!(check(&caller(&[Scope::Read]), needs).is_ok());
        assert!(check(&caller(&[Scope::Submit]), needs).is_err());
        assert!(check(&caller(&[]), Needs::Nothing).is_ok());
    }
}
