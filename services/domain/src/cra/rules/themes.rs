//! Themes, sub-themes and duration.

use cra_contracts::v1;

use super::super::wire::duration_message;
use super::super::{Duration, Fault};
use super::{Check, MINUTES_MAX, MINUTES_MIN, MINUTES_STEP, times, unknown};
use crate::vocabulary::{DurationBand, SubTheme, Theme, Word as _};

impl Check<'_> {
    pub(super) fn themes(&mut self, numbers: &[i32]) -> Option<Vec<Theme>> {
        let before = self.current.map_or(&[][..], |cra| &cra.themes);
        if numbers.is_empty() && !self.unchanged(|cra| cra.themes.is_empty()) {
            return self.refuse("cra.themes", Fault::Required("au moins une thématique"));
        }
        let mut themes = Vec::with_capacity(numbers.len().min(Theme::ALL.len()));
        let mut all_known = true;
        for (i, number) in numbers.iter().enumerate() {
            let fault = match Theme::from_number(*number) {
                None => {
                    all_known = false;
                    unknown::<Theme>(*number)
                }
                Some(theme) if !theme.term().open && !before.contains(&theme) => {
                    Fault::ThemeClosed { label: theme.term().label }
                }
                Some(theme) if times(&themes, &theme) >= times(before, &theme).max(1) => {
                    Fault::Duplicate(theme.term().label.to_owned())
                }
                Some(theme) => {
                    themes.push(theme);
                    continue;
                }
            };
            self.report(format!("cra.themes[{i}]"), fault);
        }
        all_known.then_some(themes)
    }

    /// `themes` is `None` if a theme is missing or unknown: it may be the one that a sub-theme needs.
    pub(super) fn sub_themes(&mut self, numbers: &[i32], themes: Option<&[Theme]>) -> Vec<SubTheme> {
        let (themes_before, before) =
            self.current.map_or((&[][..], &[][..]), |cra| (&cra.themes, &cra.sub_themes));
        // The sub-theme had no theme before either: nothing has changed.
        let was_alone = |sub: &SubTheme| before.contains(sub) && !themes_before.contains(&sub.theme());
        let mut sub_themes = Vec::new();
        for (i, number) in numbers.iter().enumerate() {
            let fault = match SubTheme::from_number(*number) {
                None => unknown::<SubTheme>(*number),
                Some(sub)
                    if themes.is_some_and(|themes| !themes.contains(&sub.theme())) && !was_alone(&sub) =>
                {
                    Fault::SubThemeWithoutTheme {
                        sub_theme: sub.term().label,
                        theme: sub.theme().term().label,
                    }
                }
                Some(sub) if times(&sub_themes, &sub) >= times(before, &sub).max(1) => {
                    Fault::Duplicate(sub.term().label.to_owned())
                }
                Some(sub) => {
                    sub_themes.push(sub);
                    continue;
                }
            };
            self.report(format!("cra.sub_themes[{i}]"), fault);
        }
        sub_themes
    }

    pub(super) fn duration(&mut self, declared: Option<&v1::Duration>) -> Option<Duration> {
        const MINUTES: &str = "cra.duration.minutes";
        let same = self.current.map(|cra| cra.duration);
        if let Some(same) = same.filter(|it| duration_message(*it) == declared.copied().unwrap_or_default()) {
            return Some(same);
        }
        let Some(declared) = declared else {
            return self.refuse("cra.duration", Fault::Required("la durée"));
        };
        let band = self.word::<DurationBand>("cra.duration.band", declared.band, "la durée");
        let Some(minutes) = declared.minutes else {
            return band.map(|band| match band {
                DurationBand::UpTo30Minutes => Duration::UpTo30Minutes,
                DurationBand::From30MinutesTo1Hour => Duration::From30MinutesTo1Hour,
                DurationBand::OneHourOrMore => Duration::OneHourOrMore,
            });
        };
        if band? != DurationBand::OneHourOrMore {
            return self.refuse(MINUTES, Fault::MinutesNotAllowed(minutes));
        }
        if !(MINUTES_MIN..=MINUTES_MAX).contains(&minutes) || !minutes.is_multiple_of(MINUTES_STEP) {
            return self.refuse(MINUTES, Fault::MinutesInvalid(minutes));
        }
        Some(Duration::Exact { minutes })
    }
}
