//! The vocabulary of the official form: for each value of the contract its slug in the old data, its label today, its
//! past labels and its guidance (source: the form of 2021–2024, see the domain page of the design). Values never change
//! meaning. Labels may change; former labels stay here.

mod form;
mod meant;
mod organisations;
mod themes;

pub use form::{Activity, AgeBand, Channel, DurationBand, DurationBucket, Status};
pub use meant::meant;
pub use organisations::Organisation;
pub use themes::{SubTheme, Theme};

/// A former label of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastLabel {
    /// The former label, in French.
    pub label: &'static str,
    /// Last day of that label, ISO 8601; empty if the source does not give it.
    pub until: &'static str,
}

/// The form's texts for one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Name of the enum value in the contract, such as `THEME_EMAIL`.
    pub name: &'static str,
    /// Slug of the old data, such as `courriel`.
    pub slug: &'static str,
    /// Other slugs that older forms used for the same value.
    pub former_slugs: &'static [&'static str],
    /// French label of today's form.
    pub label: &'static str,
    /// Meaning of the value by the form or its guide, in French; may be empty.
    pub help: &'static str,
    /// Labels of former forms, oldest first.
    pub past_labels: &'static [PastLabel],
    /// Whether a new CRA may use it.
    pub open: bool,
}

impl Term {
    /// An open term without guidance, past labels or former slugs.
    const fn new(name: &'static str, slug: &'static str, label: &'static str) -> Self {
        Self { name, slug, former_slugs: &[], label, help: "", past_labels: &[], open: true }
    }

    const fn help(mut self, help: &'static str) -> Self {
        self.help = help;
        self
    }

    const fn formerly(mut self, past_labels: &'static [PastLabel]) -> Self {
        self.past_labels = past_labels;
        self
    }

    const fn slugs(mut self, former_slugs: &'static [&'static str]) -> Self {
        self.former_slugs = former_slugs;
        self
    }

    const fn closed(mut self) -> Self {
        self.open = false;
        self
    }

    /// Name of the value's column in a table, from its slug, which never changes: `age_moins12ans`.
    #[must_use]
    pub fn column(&self, list: &str) -> String {
        let mut name = format!("{list}_");
        for c in self.slug.chars() {
            match c {
                c if c.is_ascii_uppercase() => name.extend(['_', c.to_ascii_lowercase()]),
                c if c.is_ascii_alphanumeric() => name.push(c),
                _ => name.push('_'),
            }
        }
        name
    }
}

/// A closed list of the form: an enum of the contract without its `UNSPECIFIED`.
pub trait Word: Copy + Eq + Ord + 'static {
    /// Every value, in the contract's order.
    const ALL: &'static [Self];
    /// What every name of the list starts with in the contract, such as `SUB_THEME_`.
    const PREFIX: &'static str;

    /// The form's texts for the value.
    fn term(self) -> &'static Term;

    /// Number of the value in the contract, from 1.
    fn number(self) -> i32;

    /// Rank of the value in [`Word::ALL`], from 0.
    fn index(self) -> usize {
        usize::try_from(self.number() - 1).unwrap_or_default()
    }

    /// The value with a number of the contract; `None` for `UNSPECIFIED` and unknown numbers.
    fn from_number(number: i32) -> Option<Self> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        Self::ALL.get(index).copied()
    }

    /// The end of its name in the contract, in lower case with hyphens: `THEME_EMAIL` is `email`.
    fn short_form(self) -> String {
        let name = self.term().name;
        name.strip_prefix(Self::PREFIX).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
    }

    /// The value with a slug of the old data, today's or a former one.
    fn from_slug(slug: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|word| {
            let term = word.term();
            term.slug == slug || term.former_slugs.contains(&slug)
        })
    }
}

/// Declares a [`Word`]: variants in the contract's order, each with its term.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $prefix:literal { $($(#[$variant_doc:meta])* $variant:ident = $number:literal : $term:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[repr(u8)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($number), "` in the contract.")] $(#[$variant_doc])* $variant = $number,)+
        }

        impl $crate::vocabulary::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant),+];
            const PREFIX: &'static str = $prefix;

            fn term(self) -> &'static $crate::vocabulary::Term {
                use $crate::vocabulary::Term;
                const TERMS: &[Term] = &[$($term),+];
                &TERMS[self.index()]
            }

            fn number(self) -> i32 {
                self as i32
            }
        }
    };
}
use words;

#[cfg(test)]
mod tests {
    use cra_contracts::v1;

    use super::*;

    /// Compares a word list with the contract's enum: same names, same numbers, nothing missing.
    fn agrees<W: Word + std::fmt::Debug>(name_of: impl Fn(i32) -> Option<&'static str>) {
        for (index, word) in W::ALL.iter().enumerate() {
            assert_eq!(word.index(), index);
            assert_eq!(W::from_number(word.number()), Some(*word));
            assert_eq!(name_of(word.number()), Some(word.term().name), "{word:?}");
            assert_eq!(W::from_slug(word.term().slug), Some(*word), "slugs are unambiguous");
            assert!(!word.term().label.is_empty());
        }
        let after_the_last = i32::try_from(W::ALL.len()).unwrap() + 1;
        assert_eq!(name_of(after_the_last), None, "a value of the contract has no word");
        assert_eq!(W::from_number(0), None);
        assert_eq!(W::from_number(after_the_last), None);
        assert_eq!(W::from_number(i32::MIN), None);
    }

    #[test]
    fn the_column_of_a_value_has_its_old_slug() {
        assert_eq!(AgeBand::Under12.term().column("age"), "age_moins12ans");
        assert_eq!(Status::Unemployed.term().column("statut"), "statut_sans_emploi");
        assert_eq!(Theme::SmallBusiness.term().column("theme"), "theme_tpe_pme");
        assert_eq!(DurationBucket::From30MinutesTo1Hour.term().column("duree"), "duree_30_60");
    }

    #[test]
    fn every_value_of_the_contract_has_its_word() {
        agrees::<Channel>(|n| v1::Channel::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<Activity>(|n| v1::Activity::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<Theme>(|n| v1::Theme::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<SubTheme>(|n| v1::SubTheme::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<DurationBand>(|n| v1::DurationBand::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<DurationBucket>(|n| v1::DurationBucket::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<AgeBand>(|n| v1::AgeBand::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<Status>(|n| v1::Status::try_from(n).ok().map(|v| v.as_str_name()));
        agrees::<Organisation>(|n| v1::Organisation::try_from(n).ok().map(|v| v.as_str_name()));
    }

    #[test]
    fn the_form_shows_every_theme_once() {
        let mut shown = Theme::FORM_ORDER.to_vec();
        shown.sort();
        assert_eq!(shown, Theme::ALL);
    }

    #[test]
    fn only_smartphone_and_other_are_closed() {
        let closed: Vec<_> = Theme::ALL.iter().filter(|theme| !theme.term().open).collect();
        assert_eq!(closed, [&Theme::Smartphone, &Theme::Other]);
    }

    #[test]
    fn the_form_gives_guidance_in_whole_french_sentences() {
        fn checked<W: Word>(is_always_there: bool) {
            for word in W::ALL {
                let Term { name, help, .. } = word.term();
                assert!(!is_always_there || !help.is_empty(), "{name} has no guidance");
                let is_a_sentence = help.ends_with('.') && help.starts_with(char::is_uppercase);
                assert!((help.is_empty() || is_a_sentence) && !help.contains("  "), "{name}: {help}");
            }
        }
        checked::<Channel>(true);
        checked::<Activity>(true);
        checked::<Theme>(true);
        checked::<AgeBand>(true);
        checked::<Status>(true);
        checked::<DurationBand>(true);
        checked::<SubTheme>(false);
        checked::<Organisation>(false);
    }

    #[test]
    fn former_slugs_lead_to_todays_value() {
        assert_eq!(Channel::from_slug("autre"), Some(Channel::OtherPlace));
        assert_eq!(AgeBand::from_slug("-12"), Some(AgeBand::Under12));
        assert_eq!(Status::from_slug("sans emploi"), Some(Status::Unemployed));
        assert_eq!(Status::from_slug("Sans emploi"), None);
    }
}
