//! What each call of a contract needs: its row in a table that the service gives, one for every method. A path that
//! no row names is answered by nobody.
//!
//! Perimeters are not looked at here: what a request asks for is known to its handler alone.

use tonic::Status;

use super::caller::{Caller, Scope};
use crate::rejection::{Rejection, SCOPE_MISSING};

/// What a caller must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing, not even a token.
    Nothing,
    /// One of these scopes.
    AnyOf(&'static [Scope]),
}

/// Whether one side of a call goes on after its first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One request, one answer.
    Single,
    /// One request, answers as they come.
    Answers,
    /// Requests and answers as they come.
    Both,
}

/// One method of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Path of its calls, such as `/cra.v1.StatisticsService/GetStatistics`.
    pub path: &'static str,
    /// What a caller must hold.
    pub needs: Needs,
    /// How it is called.
    pub shape: Shape,
}

/// Health and reflection: no secret of anybody's, and asked by what knows no token.
const OPEN: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// Health or reflection.
    Shell,
    /// A method of the service's.
    Method(Method),
    /// Nothing that is served here.
    Unknown,
}

/// Finds the row of a path.
pub(crate) fn target(methods: &[Method], path: &str) -> Target {
    // A dozen rows: no index is faster.
    if let Some(method) = methods.iter().find(|method| method.path == path) {
        return Target::Method(*method);
    }
    if OPEN.iter().any(|open| path.starts_with(open)) { Target::Shell } else { Target::Unknown }
}

/// Whether a caller holds what a call needs.
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
    }];

    #[test]
    fn a_path_without_a_row_leads_nowhere() {
        assert_eq!(target(&METHODS, METHODS[0].path), Target::Method(METHODS[0]));
        assert_eq!(target(&METHODS, "/grpc.health.v1.Health/Check"), Target::Shell);
        for path in ["/cra.v1.OperationsService/Promote", "/", "", "/grpc.health.v1.Healthy/Check"] {
            assert_eq!(target(&METHODS, path), Target::Unknown, "{path}");
        }
    }

    #[test]
    fn one_of_the_scopes_is_enough_and_none_is_not() {
        let caller =
            |scopes: &[Scope]| Caller { scopes: scopes.iter().copied().collect(), ..Caller::anyone() };
        let needs = Needs::AnyOf(&[Scope::Statistics, Scope::Read]);
        assert!(check(&caller(&[Scope::Read]), needs).is_ok());
        assert!(check(&caller(&[Scope::Submit]), needs).is_err());
        assert!(check(&caller(&[]), Needs::Nothing).is_ok());
    }
}
