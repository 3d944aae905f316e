//! The table of `cra communes`. Names of departments and regions come from the same official file as the service's
//! codes; an unknown code is shown as it is.

use cra_contracts::v1;
use cra_domain::territory;

use super::rows::left_out;
use super::table::{Column, Kind, Layout};
use super::text::{Tone, printable, toned};
use crate::style::Style;

/// Maximum number of postal codes shown; Paris has 21.
const POSTAL_CODES_MAX: usize = 5;
/// The number of a department or region, and the beginning of its name.
const NAME_COLUMNS_MIN: usize = 12;
/// One postal code, and the mark that there are more.
const POSTAL_CODE_COLUMNS_MIN: usize = 6;

/// The communes that match a text.
pub(crate) fn table(communes: &[v1::Commune], text: &str, style: Style) -> String {
    if communes.is_empty() {
        return toned(style, Tone::Quiet, nothing_found(text)) + "\n";
    }
    let columns = [
        Column::new("Commune", Kind::Text(NAME_COLUMNS_MIN), 0),
        Column::new("Code", Kind::Id, 0),
        Column::new("Codes postaux", Kind::Text(POSTAL_CODE_COLUMNS_MIN), 0),
        Column::new("Département", Kind::Text(NAME_COLUMNS_MIN), 1),
        Column::new("Région", Kind::Text(NAME_COLUMNS_MIN), 2),
        Column::new("EPCI", Kind::Id, 3),
    ];
    let rows: Vec<Vec<String>> = communes.iter().map(|commune| row(commune).to_vec()).collect();
    let layout = Layout::of(columns, &rows, style);
    layout.table(&rows) + &left_out(&layout.left_out(), "--json", style)
}

fn row(commune: &v1::Commune) -> [String; 6] {
    let known = territory::communes();
    let department = known.department(&commune.department_code).map(territory::Department::name);
    let region = known.region(&commune.region_code).map(territory::Region::name);
    [
        name(commune),
        printable(&commune.code),
        postal_codes(&commune.postal_codes),
        named(&commune.department_code, department),
        named(&commune.region_code, region),
        printable(&commune.epci_code),
    ]
}

/// A number of 5 digits that no commune has is usually a CEDEX code, which La Poste assigns to companies.
fn nothing_found(text: &str) -> &'static str {
    let digits = text.chars().filter(|c| !c.is_whitespace());
    if digits.clone().count() == 5 && digits.clone().all(|c| c.is_ascii_digit()) {
        "Aucune commune n'a ce code : si c'est un code CEDEX, tapez plutôt le nom de la commune."
    } else {
        "Aucune commune trouvée : vérifiez l'orthographe, ou tapez le début du nom ou le code postal."
    }
}

/// The official name, and the name that matched if it differs.
fn name(commune: &v1::Commune) -> String {
    let name = printable(&commune.name);
    if commune.matched_name.is_empty() {
        return name;
    }
    format!("{name} ({})", printable(&commune.matched_name))
}

fn named(code: &str, name: Option<&str>) -> String {
    let code = printable(code);
    name.map_or_else(|| code.clone(), |name| format!("{code} {name}"))
}

fn postal_codes(codes: &[String]) -> String {
    let (shown, hidden) = codes.split_at(codes.len().min(POSTAL_CODES_MAX));
    let mut text = printable(&shown.join(" "));
    if !hidden.is_empty() {
        text += &format!(" +{}", hidden.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commune(code: &str, name: &str, postal_codes: &[&str]) -> v1::Commune {
        v1::Commune {
            code: code.to_owned(),
            name: name.to_owned(),
            postal_codes: postal_codes.iter().map(|code| (*code).to_owned()).collect(),
            department_code: "974".to_owned(),
            region_code: "04".to_owned(),
            epci_code: "249740119".to_owned(),
            matched_name: String::new(),
        }
    }

    #[test]
    fn a_commune_is_shown_with_its_codes_and_the_names_of_its_territories() {
        let text = table(
            &[commune("97411", "Saint-Denis", &["97400", "97417", "97490"])],
            "saint denis",
            Style { columns: 120, colour: false },
        );
        for expected in ["Saint-Denis", "97411", "97400 97417 97490", "974 La Réunion", "249740119"] {
            assert!(text.contains(expected), "{expected} in:\n{text}");
        }
    }

    #[test]
    fn many_postal_codes_are_truncated_and_counted() {
        let codes: Vec<_> = (75_001..=75_020).map(|code| code.to_string()).collect();
        assert_eq!(postal_codes(&codes), "75001 75002 75003 75004 75005 +15");
    }

    #[test]
    fn the_table_fits_the_terminal() {
        let communes =
            [commune("97411", "Saint-Denis-de-la-très-longue-commune", &["97400", "97417", "97490"])];
        for columns in [60, 80] {
            let text = table(&communes, "saint", Style { columns, colour: false });
            for line in text.lines() {
                assert!(crate::render::text::width(line) <= columns, "{line}");
            }
        }
    }

    #[test]
    fn an_empty_result_is_stated() {
        let style = Style { columns: 80, colour: false };
        assert!(table(&[], "zzz", style).starts_with("Aucune commune trouvée"));
        for cedex in ["35708", "35 708"] {
            assert!(table(&[], cedex, style).contains("CEDEX"), "{cedex}");
        }
    }

    #[test]
    fn the_matched_name_is_shown_next_to_the_one_of_today() {
        let found =
            v1::Commune { matched_name: "Cordieux".into(), ..commune("01262", "Montluel", &["01120"]) };
        let text = table(&[found], "cordieux", Style { columns: 120, colour: false });
        assert!(text.contains("Montluel (Cordieux)"), "{text}");
    }
}
