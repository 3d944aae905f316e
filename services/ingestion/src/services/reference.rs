//! `cra.v1.ReferenceService`: the vocabulary and the communes, for user interfaces. Needs no log.

use cra_contracts::v1::{self, reference_service_server::ReferenceService};
use cra_runtime::conditional::Conditional;
use prost::{Message, Name};
use tonic::{Request, Response, Status};

use super::{search, vocabulary};

/// Ends a call by GET whose caller has the answer: it depends on the question and the program alone.
fn check_not_modified<Q: Message + Name>(request: &Request<Q>) -> Result<(), Status> {
    let question = request.get_ref().encode_to_vec();
    Conditional::of(request).check_not_modified(&[Q::NAME.as_bytes(), &question])
}

/// The stateless service.
pub(crate) struct ReferenceApi;

#[tonic::async_trait]
impl ReferenceService for ReferenceApi {
    async fn get_vocabulary(
        &self,
        request: Request<v1::GetVocabularyRequest>,
    ) -> Result<Response<v1::GetVocabularyResponse>, Status> {
        check_not_modified(&request)?;
        Ok(Response::new(vocabulary::vocabulary()))
    }

    async fn search_communes(
        &self,
        request: Request<v1::SearchCommunesRequest>,
    ) -> Result<Response<v1::SearchCommunesResponse>, Status> {
        check_not_modified(&request)?;
        Ok(Response::new(search::communes(&request.into_inner())?))
    }
}
