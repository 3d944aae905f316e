//! The flags that say which CRAs count, and the `Selection` they make.
//!
//! Values of closed lists are said as in [`crate::choice`]. Codes and ids go to the service as they are: it knows
//! them, and says which it does not know.

use clap::Args;
use cra_contracts::v1;
use cra_domain::vocabulary::{Activity, AgeBand, Channel, DurationBucket, Status, SubTheme, Theme, Word};
use jiff::civil::Date;

use crate::choice::one_of;

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
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Channel>(), hide_possible_values = true)]
    pub(crate) channel: Vec<Channel>,
    /// Type d'activité, such as workshop or ponctuel
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Activity>(), hide_possible_values = true)]
    pub(crate) activity: Vec<Activity>,
    /// Thématique, such as email or courriel
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Theme>(), hide_possible_values = true)]
    pub(crate) theme: Vec<Theme>,
    /// Sous-thématique, such as tablette
    #[arg(long, value_delimiter = ',', value_parser = one_of::<SubTheme>(), hide_possible_values = true)]
    pub(crate) sub_theme: Vec<SubTheme>,
    /// Durée, such as 0-30 or from-2-hours
    #[arg(long, value_delimiter = ',', value_parser = one_of::<DurationBucket>(), hide_possible_values = true)]
    pub(crate) duration: Vec<DurationBucket>,
    /// Tranche d'âge of at least one participant, such as over-60
    #[arg(long, value_delimiter = ',', value_parser = one_of::<AgeBand>(), hide_possible_values = true, allow_hyphen_values = true)]
    pub(crate) age: Vec<AgeBand>,
    /// Statut of at least one participant, such as retired
    #[arg(long, value_delimiter = ',', value_parser = one_of::<Status>(), hide_possible_values = true)]
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

fn day(text: &str) -> Result<Date, String> {
    cra_day(text).ok_or_else(|| "expected a day such as 2024-03-01".to_owned())
}

/// The month's first day.
fn month(text: &str) -> Result<Date, String> {
    cra_day(&format!("{text}-01")).ok_or_else(|| "expected a month such as 2024-03".to_owned())
}

/// `YYYY-MM-DD` and no other form of ISO 8601, as in a CRA.
pub(crate) fn cra_day(text: &str) -> Option<Date> {
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
