//! Codes for repeated texts: identifiers of advisors, structures, venues and clients, free names of organisations. A
//! code is assigned once and never changes its meaning within a generation.

use compact_str::CompactString;
use cra_domain::cra::Recipient;
use cra_domain::spelling;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

/// Kind of a text; codes of different kinds are independent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum Kind {
    /// Advisors.
    Advisor = 0,
    /// Structures.
    Structure = 1,
    /// Venues.
    Venue = 2,
    /// Free names of organisations, in their exact spelling.
    Organisation = 3,
    /// Clients that record CRAs; the empty text is an unknown client.
    Client = 4,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Advisor, Self::Structure, Self::Venue, Self::Organisation, Self::Client];

    /// The kind of a stored number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Code of a text, from 0, without gaps within its kind.
pub type Code = u32;

#[derive(Debug, Default)]
struct Words {
    codes: HashMap<CompactString, Code>,
    texts: Vec<CompactString>,
}

/// The line that redirections to an organisation are counted in, by its free name.
#[derive(Debug)]
pub(super) struct Named {
    /// The organisation that the name means.
    pub(super) recipient: Recipient,
    /// Equal for all spellings of a name.
    pub(super) key: CompactString,
    /// The plain form of the name.
    pub(super) name: CompactString,
}

/// All texts with their codes.
#[derive(Debug, Default)]
pub struct Dictionary {
    kinds: [Words; Kind::ALL.len()],
    /// By code of the name.
    organisations: Vec<Named>,
    /// Assigned since the last [`Dictionary::take_new`]: to be stored with the facts that use them.
    new: Vec<(Kind, Code, CompactString)>,
}

impl Dictionary {
    /// The code of a text, assigned if it has none.
    pub fn code_of(&mut self, kind: Kind, text: &str) -> Code {
        if let Some(code) = self.find(kind, text) {
            return code;
        }
        let code = self.push(kind, text);
        self.new.push((kind, code, text.into()));
        code
    }

    /// The code of a text, if it has one.
    #[must_use]
    pub fn find(&self, kind: Kind, text: &str) -> Option<Code> {
        self.kinds[kind as usize].codes.get(text).copied()
    }

    /// The text of a code.
    #[must_use]
    pub fn text(&self, kind: Kind, code: Code) -> Option<&str> {
        self.kinds[kind as usize].texts.get(usize::try_from(code).ok()?).map(CompactString::as_str)
    }

    /// The organisation of a free name, by its code: recognised once, because each query counts by it.
    pub(super) fn organisation(&self, code: Code) -> Option<&Named> {
        self.organisations.get(usize::try_from(code).ok()?)
    }

    /// Every text with its code.
    pub fn all(&self) -> impl Iterator<Item = (Kind, Code, &str)> {
        (0..)
            .map_while(Kind::from_number)
            .zip(&self.kinds)
            .flat_map(|(kind, words)| (0..).zip(&words.texts).map(move |(code, text)| (kind, code, &**text)))
    }

    /// Restores a stored text: texts of a kind must be restored in the order of their codes. False if a code is
    /// missing.
    #[must_use]
    pub fn restore(&mut self, kind: Kind, code: Code, text: &str) -> bool {
        self.push(kind, text) == code
    }

    /// The texts that were assigned a code since the last call.
    pub fn take_new(&mut self) -> Vec<(Kind, Code, CompactString)> {
        std::mem::take(&mut self.new)
    }

    fn push(&mut self, kind: Kind, text: &str) -> Code {
        let words = &mut self.kinds[kind as usize];
        let code = Code::try_from(words.texts.len()).unwrap_or(Code::MAX);
        words.texts.push(text.into());
        words.codes.insert(text.into(), code);
        if kind == Kind::Organisation {
            let recipient = Recipient::Other(Box::from(text)).recognised();
            let (key, name) = (spelling::key(text).into(), spelling::plain(text).into());
            self.organisations.push(Named { recipient, key, name });
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_code_and_kinds_are_independent() {
        let mut dictionary = Dictionary::default();
        assert_eq!(dictionary.code_of(Kind::Advisor, "a"), 0);
        assert_eq!(dictionary.code_of(Kind::Advisor, "b"), 1);
        assert_eq!(dictionary.code_of(Kind::Structure, "b"), 0);
        assert_eq!(dictionary.code_of(Kind::Advisor, "a"), 0);
        assert_eq!(dictionary.take_new().len(), 3);
        assert!(dictionary.take_new().is_empty());
        assert_eq!(dictionary.text(Kind::Advisor, 1), Some("b"));
        assert_eq!(dictionary.find(Kind::Venue, "b"), None);
        assert!(!dictionary.restore(Kind::Venue, 3, "x"), "a gap is detected");
    }
}
