//! What may follow what in the events of one CRA: the position at which a fact begins and ends.

/// The current state of a CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Current {
    /// Revision of its last event.
    pub revision: u64,
    /// Position of its last fact: in force, unless it is withdrawn.
    pub fact: u64,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// Why an event does not follow the former ones of its CRA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateConflict {
    /// Another revision than the next one.
    #[error("revision {found}, expected {expected}")]
    Revision {
        /// The next revision.
        expected: u64,
        /// That of the event.
        found: u64,
    },
    /// A first event of a CRA that has events.
    #[error("a first event, but the CRA is at revision {0}")]
    NotFirst(u64),
    /// A change of nothing.
    #[error("changes a CRA that has no event")]
    NoSuchCra,
    /// A change of a withdrawn CRA.
    #[error("changes a CRA that was withdrawn")]
    Withdrawn,
    /// An event that is applied after a later one.
    #[error("a later event of the CRA, at {0}, counts already; a replay takes both in their order")]
    Overtaken(u64),
}

impl Current {
    /// The state after a first event; `current` is that before it.
    pub fn first(current: Option<Self>, position: u64, revision: u64) -> Result<Self, StateConflict> {
        match current {
            Some(current) => Err(StateConflict::NotFirst(current.revision)),
            None => expect(1, revision).map(|()| Self { revision, fact: position, withdrawn: false }),
        }
    }

    /// The state before an event that ends the fact in force.
    pub fn in_force(current: Option<Self>, position: u64, revision: u64) -> Result<Self, StateConflict> {
        let current = current.ok_or(StateConflict::NoSuchCra)?;
        if current.withdrawn {
            return Err(StateConflict::Withdrawn);
        }
        // Only for retried events: the order of the log counts.
        if current.fact > position {
            return Err(StateConflict::Overtaken(current.fact));
        }
        expect(current.revision + 1, revision)?;
        Ok(current)
    }

    /// The state after a further content.
    #[must_use]
    pub fn replaced(position: u64, revision: u64) -> Self {
        Self { revision, fact: position, withdrawn: false }
    }

    /// The state after a withdrawal.
    #[must_use]
    pub fn withdrawn(self, revision: u64) -> Self {
        Self { revision, withdrawn: true, ..self }
    }
}

fn expect(expected: u64, found: u64) -> Result<(), StateConflict> {
    if found == expected { Ok(()) } else { Err(StateConflict::Revision { expected, found }) }
}
