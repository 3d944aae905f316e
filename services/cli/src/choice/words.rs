//! The words of the official form as choices: what the domain says of them, and nothing more.

use std::borrow::Cow;

use cra_domain::vocabulary::{
    Activity, AgeBand, Channel, DurationBand, DurationBucket, Status, SubTheme, Theme, Word,
};

use super::Choice;

macro_rules! choices {
    ($($word:ident: $prefix:literal,)+) => {
        $(impl Choice for $word {
            const PREFIX: &str = $prefix;

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
    Channel: "CHANNEL_",
    Activity: "ACTIVITY_",
    Theme: "THEME_",
    SubTheme: "SUB_THEME_",
    DurationBand: "DURATION_BAND_",
    DurationBucket: "DURATION_BUCKET_",
    AgeBand: "AGE_BAND_",
    Status: "STATUS_",
}
