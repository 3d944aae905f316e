//! File names: content, days, selection and position. The same query gives the same name, another selection another
//! one.

use cra_contracts::v1;
use cra_domain::selection::{Restriction, Value, canonical, restrictions};
use prost::Message as _;
use uuid::Uuid;

use super::content::{Content, Format};

/// Maximum number of characters of the selection in a name; a longer one is truncated.
const SELECTION_CHARS_MAX: usize = 100;
/// Separators of values and of fields; neither occurs in an identifier as written here.
const VALUES: char = '+';
const FIELDS: char = '_';
/// Namespace of the digests.
const DIGESTS: Uuid = Uuid::from_u128(0x2b6e_51d0_7a3c_4f18_9d42_c8e0_63b7_a591);
const DIGEST_CHARS: usize = 8;

/// The name of a file. The selection was validated before: its days are digits and hyphens. If the name cannot contain
/// the complete selection, a digest at its end makes it unique.
#[must_use]
pub fn file_name(content: Content, format: Format, selection: &v1::Selection, position: u64) -> String {
    let period = match (selection.from.as_str(), selection.to.as_str()) {
        ("", "") => "toutes-dates".to_owned(),
        (from, "") => format!("depuis-{from}"),
        ("", to) => format!("jusqu-a-{to}"),
        (from, to) => format!("{from}-au-{to}"),
    };
    let (selected, is_whole) = selected(&restrictions(selection));
    let selected = selected.map(|selected| format!("{FIELDS}{selected}")).unwrap_or_default();
    let digest = if is_whole { String::new() } else { format!("_{}", digest(selection)) };
    format!("cra-{}_{period}{selected}_position-{position}{digest}.{}", content.slug(), format.extension())
}

/// The fields and their values, such as `departement-01+2A_theme-courriel`, and whether they are unambiguous.
fn selected(restrictions: &[Restriction]) -> (Option<String>, bool) {
    let (mut selected, mut is_whole) = (String::new(), true);
    for restriction in restrictions {
        for (rank, value) in restriction.values.iter().enumerate() {
            let (value, is_exact) = plain(value);
            is_whole &= is_exact;
            let next = match rank {
                0 if selected.is_empty() => format!("{}-{value}", restriction.slug),
                0 => format!("{FIELDS}{}-{value}", restriction.slug),
                _ => format!("{VALUES}{value}"),
            };
            if selected.len() + next.len() > SELECTION_CHARS_MAX {
                // Never within a code, which would read as another one.
                let more = if selected.is_empty() { restriction.slug } else { "-et-autres" };
                return (Some(selected + more), false);
            }
            selected += &next;
        }
    }
    (Some(selected).filter(|selected| !selected.is_empty()), is_whole)
}

/// The value in characters that every file system accepts, and whether it is unchanged: identifiers may differ in
/// characters that become hyphens here, or in case, which some file systems ignore.
fn plain(value: &Value) -> (String, bool) {
    let plain = value.slug.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "-");
    let is_identifier = value.label.is_empty();
    let has_case = is_identifier && plain.chars().any(|c| c.is_ascii_uppercase());
    let is_exact = plain == value.slug && !has_case;
    (plain, is_exact)
}

fn digest(selection: &v1::Selection) -> String {
    let bytes = canonical(selection.clone()).encode_to_vec();
    let mut digest = Uuid::new_v5(&DIGESTS, &bytes).simple().to_string();
    digest.truncate(DIGEST_CHARS);
    digest
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use cra_contracts::v1::{Dimension, Granularity};

    use super::super::content::List;
    use super::*;

    fn days(from: &str, to: &str) -> v1::Selection {
        v1::Selection { from: from.into(), to: to.into(), ..v1::Selection::default() }
    }

    fn name(selection: &v1::Selection) -> String {
        file_name(Content::Statistics, Format::Csv, selection, 7)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_name_has_content_period_and_position_in_plain_letters() {
        let month = days("2024-03-01", "2024-03-31");
        assert_eq!(
            file_name(Content::Statistics, Format::Xlsx, &month, 12),
            "cra-statistiques_2024-03-01-au-2024-03-31_position-12.xlsx"
        );
        assert_eq!(
            file_name(Content::Cras, Format::Ndjson, &days("2024-03-01", ""), 0),
            "cra-comptes-rendus_depuis-2024-03-01_position-0.ndjson"
        );
        let breakdowns = (0..18).map(|number| Content::Breakdown(Dimension::try_from(number).unwrap()));
        let series = (0..6).map(|number| Content::Series(Granularity::try_from(number).unwrap()));
        let long = [List::Themes, List::Ages, List::Statuses, List::Organisations].map(Content::LongTable);
        let mut names = HashSet::new();
        for content in breakdowns.chain(series).chain(long).chain([Content::Statistics, Content::Cras]) {
            let name = file_name(content, Format::Csv, &days("", "2024-03-31"), 7);
            assert!(name.is_ascii() && !name.contains(['/', ' ', '\'']), "{name}");
            assert!(name.ends_with("_jusqu-a-2024-03-31_position-7.csv"), "{name}");
            assert!(names.insert(name));
        }
    }

    #[test]
    fn a_name_has_the_codes_of_its_selection() {
        let selection = v1::Selection {
            department_codes: texts(&["01", "2A"]),
            themes: vec![v1::Theme::Email.into()],
            ages: vec![0],
            advisor_ids: texts(&["60a3c1f2e4b0a1b2c3d4e5f6"]),
            ..v1::Selection::default()
        };
        assert_eq!(
            name(&selection),
            "cra-statistiques_toutes-dates_departement-01+2A_conseiller-60a3c1f2e4b0a1b2c3d4e5f6\
             _theme-courriel_age-non-renseigne_position-7.csv"
        );
    }

    #[test]
    fn a_long_selection_is_truncated_between_codes_and_ends_with_its_digest() {
        let communes = |last: &str| v1::Selection {
            commune_codes: (35_001..35_100).map(|code| code.to_string()).chain([last.to_owned()]).collect(),
            ..v1::Selection::default()
        };
        let long = name(&communes("35238"));
        assert!(long.contains("_commune-35001+35002+") && long.contains("-et-autres_position-7_"), "{long}");
        let digest = long.trim_end_matches(".csv").rsplit('_').next().unwrap();
        assert!(digest.len() == 8 && digest.chars().all(|c| c.is_ascii_hexdigit()), "{long}");
        assert!(long.len() < 180, "{long}");
        assert_ne!(long, name(&communes("35239")), "the codes that are cut make the names differ");
    }

    #[test]
    fn different_selections_have_different_names() {
        let of = |set: fn(&mut v1::Selection)| {
            let mut selection = v1::Selection::default();
            set(&mut selection);
            selection
        };
        let selections = [
            of(|_| {}),
            of(|s| s.department_codes = texts(&["01"])),
            of(|s| s.department_codes = texts(&["2A"])),
            of(|s| s.region_codes = texts(&["01"])),
            of(|s| s.structure_ids = texts(&["a", "b"])),
            of(|s| s.structure_ids = texts(&["a-b"])),
            of(|s| s.structure_ids = texts(&["a_b"])),
            of(|s| s.structure_ids = texts(&["a:b"])),
            of(|s| s.structure_ids = texts(&["a_conseiller-b"])),
            of(|s| (s.structure_ids, s.advisor_ids) = (texts(&["a"]), texts(&["b"]))),
            of(|s| s.advisor_ids = texts(&["ABCDEFGH"])),
            of(|s| s.advisor_ids = texts(&["abcdefgh"])),
            of(|s| s.themes = vec![1]),
            of(|s| s.ages = vec![1]),
            of(|s| s.statuses = vec![1]),
        ];
        let names: HashSet<_> = selections.iter().map(|s| name(s).to_lowercase()).collect();
        assert_eq!(names.len(), selections.len(), "{names:?}");
    }

    #[test]
    fn a_query_has_one_name_whatever_the_order_of_its_values() {
        let of = |codes: &[&str]| v1::Selection { structure_ids: texts(codes), ..v1::Selection::default() };
        assert_eq!(name(&canonical(of(&["b:1", "a"]))), name(&canonical(of(&["a", "b:1", "a"]))));
    }
}
