//! No person takes all of a process: requests in flight by the token's subject. Without identity all are on this machine, and only
//! the bounds of the process hold.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use http_body_util::BodyExt as _;

/// Requests in flight of each person.
pub(crate) struct People {
    most: u32,
    /// Of those who have some.
    in_flight: Mutex<HashMap<String, u32>>,
}

/// A request of a person; dropping it ends it.
pub(crate) struct Held {
    people: Arc<People>,
    subject: String,
}

impl People {
    /// At most so many of each.
    pub(crate) fn new(most: u32) -> Arc<Self> {
        Arc::new(Self { most, in_flight: Mutex::default() })
    }

    /// Admits a request of a person, or not: the person has as many in flight as may be.
    pub(crate) fn admit(self: &Arc<Self>, subject: String) -> Option<Held> {
        let mut in_flight = self.in_flight();
        let count = in_flight.entry(subject.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Held { people: Arc::clone(self), subject })
    }

    fn in_flight(&self) -> MutexGuard<'_, HashMap<String, u32>> {
        self.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
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

impl Held {
    /// Held until the answer is sent, or its reader is gone.
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
        let held: Vec<_> = (0..3).map(|_| of("marie")).collect();
        assert!(held[1].is_some() && held[2].is_none());
        assert!(of("jo").is_some());
        let body = held.into_iter().next().flatten().map(|held| held.until_sent(Body::from("page")));
        assert_eq!(body.as_ref().and_then(|body| body.size_hint().exact()), Some(4));
        assert!(of("marie").is_some());
        drop(body);
        assert!(people.in_flight().is_empty());
    }
}
