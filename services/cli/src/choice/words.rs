//! The vocabulary of the official form as choices, taken from the domain.

use std::borrow::Cow;

use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, DurationBucket, Status, SubTheme, Theme, Word,
};

use super::Choice;

macro_rules! choices {
    ($($word:ident,)+) => {
        $(impl Choice for $word {
            const PREFIX: &str = <Self as Word>::PREFIX;

            fn all() -> &'static [Self] {
                Self::ALL
            }

            fn name(self) -> &'static str {
                self.term().name
            }

            fn french(self) -> Cow<'static, [&'static str]> {
                let term = self.term();
                vec![term.slug, term.label].into()
            }

            // "-12" and "12-18" would otherwise lose their hyphens.
            fn exactly(text: &str) -> Option<Self> {
                Self::from_slug(text)
            }
        })+
    };
}

choices! {
    Channel,
    Activity,
    Theme,
    SubTheme,
    DurationBand,
    DurationBucket,
    AgeBand,
    Status,
}
