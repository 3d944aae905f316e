//! The flags that say which CRAs count, and the `Selection` they make.
//!
//! A value of a closed list is accepted as the contract names it (`THEME_EMAIL`), by the end of that name
//! (`email`), by the official form's word (`courriel`) or by its label. Codes and ids go to the service as they are:
//! it knows them, and says which it does not know.

use clap::Args;
use cra_contracts::v1;
use cra_domain::spelling;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Selection (repeat a flag, or part its values with commas)")]
pub(crate) struct SelectionArgs {
    /// First day of activity, such as 2024-03-01
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) from: Option<Date>,
    /// Last day of activity
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) to: Option<Date>,
    /// A whole month, such as 2024-03
    #[arg(long, value_name = "MONTH", value_parser = month, conflicts_with_all = ["from", "to"])]
    pub(crate) month: Option<Date>,
    /// Region code, such as 84
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) region: Vec<String>,
    /// Department code, such as 2A
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) department: Vec<String>,
    /// EPCI code
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) epci: Vec<String>,
    /// INSEE code of a commune
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) commune: Vec<String>,
    /// Postal code
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    pub(crate) postal_code: Vec<String>,
    /// Structure that employs the advisor
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) structure: Vec<String>,
    /// Conseiller numérique
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) advisor: Vec<String>,
    /// Lieu d'activité
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub(crate) venue: Vec<String>,
    /// Canal, such as venue or distance
    #[arg(long, value_delimiter = ',', value_parser = choice::<Channel>)]
    pub(crate) channel: Vec<Channel>,
    /// Type d'activité, such as workshop or ponctuel
    #[arg(long, value_delimiter = ',', value_parser = choice::<Activity>)]
    pub(crate) activity: Vec<Activity>,
    /// Thématique, such as email or courriel
    #[arg(long, value_delimiter = ',', value_parser = choice::<Theme>)]
    pub(crate) theme: Vec<Theme>,
    /// Sous-thématique, such as tablette
    #[arg(long, value_delimiter = ',', value_parser = choice::<SubTheme>)]
    pub(crate) sub_theme: Vec<SubTheme>,
    /// Durée, such as 0-30 or from-2-hours
    #[arg(long, value_delimiter = ',', value_parser = choice::<DurationBucket>)]
    pub(crate) duration: Vec<DurationBucket>,
    /// Tranche d'âge of at least one participant, such as over-60
    #[arg(long, value_delimiter = ',', value_parser = choice::<AgeBand>, allow_hyphen_values = true)]
    pub(crate) age: Vec<AgeBand>,
    /// Statut of at least one participant, such as retired
    #[arg(long, value_delimiter = ',', value_parser = choice::<Status>)]
    pub(crate) status: Vec<Status>,
}

impl SelectionArgs {
    /// One whole month.
    pub(crate) fn of_month(first_day: Date) -> Self {
        Self { month: Some(first_day), ..Self::default() }
    }

    /// What the contract calls it.
    pub(crate) fn to_message(&self) -> v1::Selection {
        let from = self.month.or(self.from);
        let to = self.month.map(Date::last_of_month).or(self.to);
        let day = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        v1::Selection {
            from: day(from),
            to: day(to),
            region_codes: self.region.clone(),
            department_codes: self.department.clone(),
            epci_codes: self.epci.clone(),
            commune_codes: self.commune.clone(),
            postal_codes: self.postal_code.clone(),
            structure_ids: self.structure.clone(),
            advisor_ids: self.advisor.clone(),
            channels: numbers(&self.channel),
            activities: numbers(&self.activity),
            themes: numbers(&self.theme),
            sub_themes: numbers(&self.sub_theme),
            durations: numbers(&self.duration),
            ages: numbers(&self.age),
            statuses: numbers(&self.status),
            venue_ids: self.venue.clone(),
        }
    }
}

fn numbers<W: Word>(words: &[W]) -> Vec<i32> {
    words.iter().map(|word| word.number()).collect()
}

/// A closed list that a flag chooses from.
trait Choice: Word {
    /// What every name of the list starts with in the contract.
    const PREFIX: &str;
}

macro_rules! choices {
    ($($word:ident: $prefix:literal,)+) => {
        $(impl Choice for $word {
            const PREFIX: &str = $prefix;
        })+
    };
}

choices! {
    Channel: "CHANNEL_",
    Activity: "ACTIVITY_",
    Theme: "THEME_",
    SubTheme: "SUB_THEME_",
    DurationBucket: "DURATION_BUCKET_",
    AgeBand: "AGE_BAND_",
    Status: "STATUS_",
}

/// The end of a value's name, in lower case with hyphens: what the help and errors propose.
fn short_form<C: Choice>(word: C) -> String {
    let name = word.term().name;
    name.strip_prefix(C::PREFIX).unwrap_or(name).to_ascii_lowercase().replace('_', "-")
}

fn choice<C: Choice>(text: &str) -> Result<C, String> {
    // As it stands first: "-12" and "12-18" would otherwise lose their hyphens.
    if let Some(word) = C::from_slug(text) {
        return Ok(word);
    }
    let key = |text: &str| spelling::key(&text.replace(['-', '_'], " "));
    let given = key(text);
    let means = |word: &C| {
        let term = word.term();
        let short = short_form(*word);
        [term.name, short.as_str(), term.slug, term.label].iter().any(|form| key(form) == given)
    };
    C::ALL.iter().copied().find(means).ok_or_else(|| {
        let choices: Vec<_> =
            C::ALL.iter().map(|word| format!("{} ({})", short_form(*word), word.term().slug)).collect();
        format!("not one of {}", choices.join(", "))
    })
}

fn day(text: &str) -> Result<Date, String> {
    cra_day(text).ok_or_else(|| "expected a day such as 2024-03-01".to_owned())
}

/// The month's first day.
fn month(text: &str) -> Result<Date, String> {
    cra_day(&format!("{text}-01")).ok_or_else(|| "expected a month such as 2024-03".to_owned())
}

/// `YYYY-MM-DD` and no other form of ISO 8601, as in a CRA.
fn cra_day(text: &str) -> Option<Date> {
    let date: Date = text.parse().ok()?;
    (date.to_string() == text).then_some(date)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Flags {
        #[command(flatten)]
        selection: SelectionArgs,
    }

    fn selected(flags: &[&str]) -> Result<v1::Selection, String> {
        Flags::try_parse_from(["cra"].iter().chain(flags))
            .map(|flags| flags.selection.to_message())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_word_is_accepted_by_its_name_its_short_form_its_slug_or_its_label() {
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
    fn every_form_of_every_word_means_that_word_and_no_other() {
        fn check<C: Choice + std::fmt::Debug>() {
            for word in C::ALL {
                let term = word.term();
                for form in [term.name, short_form(*word).as_str(), term.slug, term.label] {
                    assert_eq!(choice::<C>(form), Ok(*word), "{form}");
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
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_choices() {
        let error = selected(&["--activity", "collective"]).unwrap_err();
        assert!(
            error.contains("workshop (collectif), individual (individuel), one-off (ponctuel)"),
            "{error}"
        );
    }

    #[test]
    fn values_are_repeated_or_parted_by_commas() {
        let selection = selected(&["--theme", "email,internet", "--theme", "sante", "--department", "01,2A"]);
        let selection = selection.unwrap();
        assert_eq!(selection.themes, [3, 2, 15]);
        assert_eq!(selection.department_codes, ["01", "2A"]);
    }

    #[test]
    fn a_band_that_starts_with_a_hyphen_is_a_value() {
        assert_eq!(selected(&["--age", "-12"]).unwrap().ages, [1]);
    }

    #[test]
    fn a_month_is_all_of_its_days_and_excludes_bounds() {
        let selection = selected(&["--month", "2024-02"]).unwrap();
        assert_eq!((selection.from.as_str(), selection.to.as_str()), ("2024-02-01", "2024-02-29"));
        assert!(selected(&["--month", "2024-02", "--to", "2024-02-10"]).is_err());
        for wrong in ["2024-13", "2024-2", "2024", "fevrier"] {
            assert!(selected(&["--month", wrong]).unwrap_err().contains("2024-03"), "{wrong}");
        }
    }

    #[test]
    fn nothing_asked_restricts_nothing() {
        assert_eq!(selected(&[]).unwrap(), v1::Selection::default());
    }
}
