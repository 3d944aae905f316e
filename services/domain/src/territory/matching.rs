//! How near a written name is to a name of a commune, allowing for what lists and typing leave out, add or change
//! slightly. Every comparison is symmetric. None decides that a name is right: the caller accepts a near name only if
//! it is the only one.

pub(super) const ARTICLES: [&str; 4] = ["l", "la", "le", "les"];

/// Words that lists omit or abbreviate.
const LITTLE_WORDS: [&str; 20] = [
    "a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "lez", "s", "sous", "ss",
    "sur", "un", "une",
];

/// Minimum length of a word in which one letter may differ; a shorter word is too easily another one.
const ONE_LETTER_LENGTH_MIN: usize = 6;
/// Minimum length of a word that identifies a name.
const DISTINCTIVE_LENGTH_MIN: usize = 3;

/// Kinds of nearness, nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nearness {
    /// Equal except for articles at the ends, "commune nouvelle" and CEDEX.
    Core,
    /// Also ignoring spaces: "Bois Jean", "Boisjean".
    Compact,
    /// Also ignoring little words: "Campet Lamolère", "Campet-et-Lamolère".
    Content,
    /// One is a prefix of the other, or omits words of it.
    Abbreviated,
    /// One letter is missing, added or changed, or two are swapped.
    OneLetter,
}

impl Nearness {
    pub(super) const ALL: [Self; 5] =
        [Self::Core, Self::Compact, Self::Content, Self::Abbreviated, Self::OneLetter];

    /// Whether the written name could as well be the name of another commune.
    pub(super) fn is_loose(self) -> bool {
        matches!(self, Self::Abbreviated | Self::OneLetter)
    }
}

/// A folded name, prepared for comparison.
#[derive(Debug)]
pub(super) struct Name<'a> {
    core: Vec<&'a str>,
    compact: String,
    content: Vec<&'a str>,
}

impl<'a> Name<'a> {
    pub(super) fn new(folded: &'a str) -> Self {
        let core = core(folded);
        let content = core.iter().copied().filter(|word| !LITTLE_WORDS.contains(word)).collect();
        Self { compact: core.concat(), core, content }
    }

    pub(super) fn is_near(&self, other: &Self, nearness: Nearness) -> bool {
        if self.core.is_empty() || other.core.is_empty() {
            return false;
        }
        match nearness {
            Nearness::Core => self.core == other.core,
            Nearness::Compact => self.compact == other.compact,
            Nearness::Content => !self.content.is_empty() && self.content == other.content,
            Nearness::Abbreviated => {
                let (short, long) = if self.content.len() < other.content.len() {
                    (&self.content, &other.content)
                } else {
                    (&other.content, &self.content)
                };
                abbreviates(short, long)
            }
            Nearness::OneLetter => {
                self.compact.len().min(other.compact.len()) >= ONE_LETTER_LENGTH_MIN
                    && differ_by_one_letter(self.compact.as_bytes(), other.compact.as_bytes())
            }
        }
    }
}

/// The words of a name without the additions of lists.
pub(super) fn core(folded: &str) -> Vec<&str> {
    let mut words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    if let Some(cedex) = words.iter().position(|word| *word == "cedex") {
        words.truncate(cedex);
    }
    if let Some(name) = words.strip_suffix(&["commune", "nouvelle"]) {
        words = name.to_vec();
    } else if let Some(name) = words.strip_prefix(&["commune", "nouvelle"]) {
        let of = name.first().is_some_and(|word| matches!(*word, "d" | "de" | "du"));
        words = name[usize::from(of)..].to_vec();
    }
    if words.len() > 1 && ARTICLES.contains(&words[0]) {
        words.remove(0);
    }
    if words.len() > 1 && words.last().is_some_and(|word| ARTICLES.contains(word)) {
        words.pop();
    }
    words
}

/// Whether the short name is a prefix of the long one, or, with two words or more, omits some of it.
fn abbreviates(short: &[&str], long: &[&str]) -> bool {
    let is_number = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let distinctive =
        |word: &&str| word.len() >= DISTINCTIVE_LENGTH_MIN && !matches!(*word, "saint" | "sainte");
    let mut rest = long.iter();
    short.iter().any(distinctive)
        // "Lyon 3" must not match Lyon's seventh arrondissement.
        && !short.iter().chain(long).any(is_number)
        && (long.starts_with(short)
            || short.len() > 1 && short.iter().all(|word| rest.any(|other| other == word)))
}

fn differ_by_one_letter(left: &[u8], right: &[u8]) -> bool {
    let same = |(left, right): &(&u8, &u8)| left == right;
    let start = left.iter().zip(right).take_while(same).count();
    let (left, right) = (&left[start..], &right[start..]);
    let end = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    match (&left[..left.len() - end], &right[..right.len() - end]) {
        ([], [_]) | ([_], [] | [_]) => true,
        ([a, b], [c, d]) => (a, b) == (d, c),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest kind of nearness of two folded names.
    fn nearness(left: &str, right: &str) -> Option<Nearness> {
        let (left, right) = (Name::new(left), Name::new(right));
        let found = Nearness::ALL.into_iter().find(|nearness| left.is_near(&right, *nearness));
        assert_eq!(found, Nearness::ALL.into_iter().find(|nearness| right.is_near(&left, *nearness)));
        found
    }

    #[test]
    fn each_kind_of_nearness_is_recognised() {
        for (left, right, expected) in [
            ("le devoluy", "devoluy", Nearness::Core),
            ("motte saint martin la", "la motte saint martin", Nearness::Core),
            ("rennes cedex 7", "rennes", Nearness::Core),
            ("jugon les lacs commune nouvelle", "jugon les lacs", Nearness::Core),
            ("commune nouvelle d arrou", "arrou", Nearness::Core),
            ("bois jean", "boisjean", Nearness::Compact),
            ("campet lamolere", "campet et lamolere", Nearness::Content),
            ("cailly s eure", "cailly sur eure", Nearness::Content),
            ("trouville", "trouville alliquerville", Nearness::Abbreviated),
            ("castillon d arthez", "castillon canton d arthez de bearn", Nearness::Abbreviated),
            ("joinvile le pont", "joinville le pont", Nearness::OneLetter),
            ("monlanquin", "monflanquin", Nearness::OneLetter),
            ("quimpre", "quimper", Nearness::OneLetter),
        ] {
            assert_eq!(nearness(left, right), Some(expected), "{left} and {right}");
        }
    }

    #[test]
    fn a_text_that_could_be_another_name_is_not_near() {
        for (left, right) in [
            ("pari", "paris"),
            ("saint", "saint denis"),
            ("lyon 3", "lyon"),
            ("clemenciat", "l abergement clemenciat"),
            ("brest", "crest"),
            ("monflanquin", "monlanquim"),
            ("le", "la"),
            ("cedex", "cedex 7"),
        ] {
            assert_eq!(nearness(left, right), None, "{left} and {right}");
        }
    }
}
