//! Values of closed lists on the command line: the contract's name (`THEME_EMAIL`), the end of that name (`email`), the
//! official form's slug (`courriel`) or its label. Case, accents, hyphens and apostrophes are ignored. An unknown value
//! is refused with the list of choices.

mod questions;
mod words;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::marker::PhantomData;

use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, Command, Error};
use cra_domain::spelling;

pub(crate) use questions::SortKey;

/// A closed list that a flag or an argument chooses from.
pub(crate) trait Choice: Copy + Send + Sync + 'static {
    /// Prefix that all names of the list share in the contract.
    const PREFIX: &str;

    /// Every value that can be chosen, in the contract's order.
    fn all() -> &'static [Self];

    /// The contract's name.
    fn name(self) -> &'static str;

    /// French words for the value. The first one is shown in help and errors; empty if the short form is already the
    /// French word.
    fn french(self) -> Cow<'static, [&'static str]>;

    /// A value that is matched by its exact text, before spelling is normalised.
    fn exactly(_text: &str) -> Option<Self> {
        None
    }
}

/// The end of a value's name, in lower case with hyphens; used in help and errors.
pub(crate) fn short_form<C: Choice>(value: C) -> String {
    let name = value.name();
    name.strip_prefix(C::PREFIX).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

/// The value that a text means, or an error with the choices.
pub(crate) fn choice<C: Choice>(text: &str) -> Result<C, String> {
    if let Some(value) = C::exactly(text) {
        return Ok(value);
    }
    let key = |text: &str| spelling::key(&text.replace('_', " "));
    let given = key(text);
    let means = |value: &C| {
        let forms = [value.name(), &short_form(*value)].map(key);
        forms.contains(&given) || value.french().iter().any(|form| key(form) == given)
    };
    C::all().iter().copied().find(means).ok_or_else(|| {
        let choices: Vec<_> = C::all().iter().map(|value| proposed(*value)).collect();
        format!("not one of {}", choices.join(", "))
    })
}

fn proposed<C: Choice>(value: C) -> String {
    let short = short_form(value);
    value.french().first().map_or_else(|| short.clone(), |french| format!("{short} ({french})"))
}

/// [`choice`] as a parser of arguments; shells complete the short forms.
#[derive(Debug)]
pub(crate) struct ChoiceParser<C>(PhantomData<fn() -> C>);

// Not derived, because a derived implementation would require `C: Clone`.
impl<C> Clone for ChoiceParser<C> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

/// Parser of one value.
pub(crate) fn one_of<C: Choice>() -> ChoiceParser<C> {
    ChoiceParser(PhantomData)
}

impl<C: Choice> TypedValueParser for ChoiceParser<C> {
    type Value = C;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<C, Error> {
        let parse: fn(&str) -> Result<C, String> = choice::<C>;
        TypedValueParser::parse_ref(&parse, command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(C::all().iter().map(|value| PossibleValue::new(short_form(*value)))))
    }
}

#[cfg(test)]
mod tests {
    use cra_contracts::v1;
    use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme};

    use super::*;

    #[test]
    fn a_word_is_accepted_as_name_short_form_slug_or_label() {
        for form in ["THEME_EMAIL", "email", "courriel", "Courriels", "Email"] {
            assert_eq!(choice::<Theme>(form), Ok(Theme::Email), "{form}");
        }
        for form in ["AGE_BAND_OVER_60", "over-60", "over_60", "plus60ans", "+60", "Plus de 60 ans"] {
            assert_eq!(choice::<AgeBand>(form), Ok(AgeBand::Over60), "{form}");
        }
        assert_eq!(choice::<DurationBucket>("60-120"), Ok(DurationBucket::From1To2Hours));
        assert_eq!(choice::<Channel>("à distance"), Ok(Channel::Remote));
    }

    #[test]
    fn a_dimension_is_accepted_in_english_and_in_french() {
        for form in ["DIMENSION_DEPARTMENT", "department", "departement", "Département", "départements"] {
            assert_eq!(choice::<v1::Dimension>(form), Ok(v1::Dimension::Department), "{form}");
        }
        for form in ["age", "tranche d'age", "Tranche d’âge", "tranche-d-age"] {
            assert_eq!(choice::<v1::Dimension>(form), Ok(v1::Dimension::Age), "{form}");
        }
        assert_eq!(choice::<v1::Granularity>("mois"), Ok(v1::Granularity::Month));
        assert_eq!(choice::<v1::Measure>("Personnes accompagnées"), Ok(v1::Measure::People));
        assert_eq!(choice::<v1::ExportFormat>("XLSX"), Ok(v1::ExportFormat::Xlsx));
    }

    #[test]
    fn every_form_of_every_value_means_only_that_value() {
        fn check<C: Choice + std::fmt::Debug + PartialEq>() {
            for value in C::all() {
                assert!(value.name().starts_with(C::PREFIX), "{value:?}");
                assert_eq!(choice::<C>(value.name()), Ok(*value));
                assert_eq!(choice::<C>(&short_form(*value)), Ok(*value));
                for form in &*value.french() {
                    assert_eq!(choice::<C>(form), Ok(*value), "{form}");
                }
            }
        }
        check::<Channel>();
        check::<Activity>();
        check::<Theme>();
        check::<SubTheme>();
        check::<DurationBucket>();
        check::<AgeBand>();
        check::<Status>();
        check::<v1::Dimension>();
        check::<v1::Measure>();
        check::<v1::Granularity>();
        check::<v1::ExportContent>();
        check::<v1::ExportFormat>();
        check::<SortKey>();
    }

    #[test]
    fn every_value_of_the_contract_can_be_chosen() {
        fn check<C: Choice>(name_of: impl Fn(i32) -> Option<&'static str>) {
            let all: Vec<_> = (1..).map_while(name_of).collect();
            let chosen: Vec<_> = C::all().iter().map(|value| value.name()).collect();
            assert_eq!(chosen, all);
        }
        check::<v1::Dimension>(|n| v1::Dimension::try_from(n).ok().map(|v| v.as_str_name()));
        check::<v1::Measure>(|n| v1::Measure::try_from(n).ok().map(|v| v.as_str_name()));
        check::<v1::Granularity>(|n| v1::Granularity::try_from(n).ok().map(|v| v.as_str_name()));
        check::<v1::ExportContent>(|n| v1::ExportContent::try_from(n).ok().map(|v| v.as_str_name()));
        check::<v1::ExportFormat>(|n| v1::ExportFormat::try_from(n).ok().map(|v| v.as_str_name()));
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_choices() {
        let error = choice::<v1::Granularity>("decade").unwrap_err();
        assert_eq!(
            error,
            "not one of day (jour), week (semaine), month (mois), quarter (trimestre), year (année)"
        );
        assert!(choice::<v1::Dimension>("").unwrap_err().contains("age (tranche d'âge)"));
    }
}
