//! `cra.v1.ReferenceService`: the vocabulary and the communes, for user interfaces. Needs no log.

use cra_contracts::v1::{self, reference_service_server::ReferenceService};
use tonic::{Request, Response, Status};

use super::{search, vocabulary};

/// The stateless service.
pub(crate) struct ReferenceApi;

#[tonic::async_trait]
impl ReferenceService for ReferenceApi {
    async fn get_vocabulary(
        &self,
        _: Request<v1::GetVocabularyRequest>,
    ) -> Result<Response<v1::GetVocabularyResponse>, Status> {
        Ok(Response::new(vocabulary::vocabulary()))
    }

    async fn search_communes(
        &self,
        request: Request<v1::SearchCommunesRequest>,
    ) -> Result<Response<v1::SearchCommunesResponse>, Status> {
        Ok(Response::new(search::communes(&request.into_inner())?))
    }
}
