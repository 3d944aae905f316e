//! Limits the requests in flight of each person, by the token's subject, so that no person occupies the whole process.
//! Without identity all requests come from this machine, and only the bounds of the process apply.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use http_body_util::BodyExt as _;

/// Counts the requests in flight of each person.
pub(crate) struct People {
    limit: u32,
    /// Counts of the people with requests in flight.
    in_flight: Mutex<HashMap<String, u32>>,
}

/// A request in flight of a person, ended on drop.
pub(crate) struct RequestPermit {
    people: Arc<People>,
    subject: String,
}

impl People {
    /// Allows at most `limit` requests of each person.
    pub(crate) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { limit, in_flight: Mutex::default() })
    }

    /// Admits a request of a person; `None` if the person has reached the limit.
    pub(crate) fn admit(self: &Arc<Self>, subject: String) -> Option<RequestPermit> {
        let mut in_flight = self.in_flight();
        let count = in_flight.entry(subject.clone()).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(RequestPermit { people: Arc::clone(self), subject })
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RequestPermit {
    fn drop(&mut self) {
        let mut in_flight = self.people.in_flight();
        if let Some(count) = in_flight.get_mut(&self.subject) {
            *count -= 1;
            if *count == 0 {
                in_flight.remove(&self.subject);
            }
        }
    }
}

impl RequestPermit {
    /// Holds the permit until the answer is sent, or its reader disconnects.
    pub(crate) fn until_sent(self, body: Body) -> Body {
        Body::new(body.map_err(move |error| {
            let _held = &self;
            error
        }))
    }
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody as _;

    use super::*;

    #[test]
    fn one_person_leaves_room_for_others_and_none_is_remembered() {
        let people = People::new(2);
        let of = |name: &str| people.admit(name.to_owned());
        let permits: Vec<_> = (0..3).map(|_| of("marie")).collect();
        assert!(permits[1].is_some() && permits[2].is_none());
        assert!(of("jo").is_some());
        let body = permits.into_iter().next().flatten().map(|permit| permit.until_sent(Body::from("page")));
        assert_eq!(body.as_ref().and_then(|body| body.size_hint().exact()), Some(4));
        assert!(of("marie").is_some());
        drop(body);
        assert!(people.in_flight().is_empty());
    }
}
