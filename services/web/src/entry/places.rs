//! The commune of a form. The service's own search finds it by what a person types: while typing through `GET
//! /saisie/communes`, and when the form is sent.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use cra_client::{Clients, within_deadline};
use cra_contracts::v1;
use cra_domain::spelling;
use cra_domain::territory::{self, Department};
use serde::Serialize;
use tonic::Code;

use super::problems::Problem;
use super::typed::{Typed, chosen, commune_text};
use crate::app::App;
use crate::fault::Fault;
use crate::forms::Fields;
use crate::services::answer;

/// Number of communes that a person can choose from.
const CHOICES_MAX: usize = 12;
/// Number of search results that are examined for a commune whose whole name was typed.
const SEARCHED: u32 = 50;
/// Upper bound on the characters of a searched text: longer than any name.
const TEXT_CHARACTERS_MAX: usize = 100;

/// Commune and postal code, as in the contract's `Place`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) code: String,
    pub(super) postal_code: String,
}

/// One commune with one of its postal codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Choice {
    /// Text of the field once it is chosen: `Rennes (35000)`.
    #[serde(rename = "texte")]
    pub(crate) text: String,
    /// The department, and the former name that the search matched.
    #[serde(rename = "detail")]
    pub(crate) detail: String,
    /// Value that the form sends: `35238 35000`.
    #[serde(rename = "choix")]
    pub(crate) value: String,
}

/// The result of looking up a typed commune.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Empty if no single commune was found.
    pub(super) place: Place,
    /// The communes to choose from, if several match.
    pub(super) choices: Vec<Choice>,
    pub(super) problem: Option<Problem>,
}

pub(super) async fn find(clients: &Clients, typed: &Typed) -> Result<Found, Fault> {
    if typed.commune.is_empty() {
        return Ok(Found::default());
    }
    if let Some(place) = as_chosen(typed) {
        return Ok(Found { place, ..Found::default() });
    }
    Ok(of_answer(&typed.commune, search(clients, &typed.commune, SEARCHED).await?))
}

/// The choice from a list, if the text is still the one that it was made for.
fn as_chosen(typed: &Typed) -> Option<Place> {
    if !typed.is_chosen() {
        return None;
    }
    let (code, postal_code) = typed.chosen.split_once(' ').unwrap_or((&typed.chosen, ""));
    Some(Place { code: code.to_owned(), postal_code: postal_code.to_owned() })
}

async fn search(clients: &Clients, text: &str, limit: u32) -> Result<Vec<v1::Commune>, Fault> {
    let text: String = text.replace(['(', ')', ','], " ").chars().take(TEXT_CHARACTERS_MAX).collect();
    let request = v1::SearchCommunesRequest { text, limit };
    match clients.reference().search_communes(within_deadline(request)).await {
        // The text contains only spaces or punctuation.
        Err(status) if status.code() == Code::InvalidArgument => Ok(Vec::new()),
        answered => Ok(answer(answered)?.communes),
    }
}

/// The one commune whose whole name or code was typed, or the ones to choose from.
fn of_answer(text: &str, communes: Vec<v1::Commune>) -> Found {
    let words: Vec<_> =
        text.split(|c: char| c.is_whitespace() || "(),".contains(c)).filter(|it| !it.is_empty()).collect();
    let is_code = |word: &&str| word.len() == 5 && word.bytes().filter(u8::is_ascii_digit).count() >= 4;
    let codes: Vec<_> = words.iter().copied().filter(is_code).collect();
    let name = words.iter().copied().filter(|word| !is_code(word)).collect::<Vec<_>>().join(" ");
    let key = spelling::key(&name);
    let is_meant = |commune: &&v1::Commune| {
        let has_code = |code: &&str| {
            commune.code.eq_ignore_ascii_case(code) || commune.postal_codes.iter().any(|it| it == code)
        };
        let is_named = name.is_empty()
            || [&commune.name, &commune.matched_name].iter().any(|it| spelling::key(it) == key);
        is_named && codes.iter().all(has_code)
    };
    let meant: Vec<_> = communes.iter().filter(is_meant).collect();
    let postal_code = |commune: &v1::Commune| {
        let typed = commune.postal_codes.iter().find(|known| codes.contains(&known.as_str()));
        typed.cloned().unwrap_or_default()
    };
    let problem = |message: String| Some(Problem::new("commune", message));
    match *meant {
        [commune] => {
            let place = Place { code: commune.code.clone(), postal_code: postal_code(commune) };
            let must_choose = place.postal_code.is_empty() && commune.postal_codes.len() > 1;
            let choices = if must_choose { choices_of(std::slice::from_ref(commune)) } else { Vec::new() };
            // The service asks for the postal code.
            Found { place, choices, problem: None }
        }
        _ if communes.is_empty() => Found {
            problem: problem(format!(
                "« {text} » : aucune commune n'a ce nom ni ce code. Vérifiez-le, ou écrivez le code postal."
            )),
            ..Found::default()
        },
        _ => {
            let likely = if meant.is_empty() { communes } else { meant.into_iter().cloned().collect() };
            let choices = choices_of(&likely);
            let others = if choices.len() == CHOICES_MAX {
                " ; si ce n'est aucune de celles-ci, ajoutez le code postal"
            } else {
                ""
            };
            Found {
                problem: problem(format!(
                    "« {text} » peut être plusieurs communes : choisissez la vôtre{others}."
                )),
                choices,
                place: Place::default(),
            }
        }
    }
}

/// Each commune with each of its postal codes.
fn choices_of(communes: &[v1::Commune]) -> Vec<Choice> {
    let each = communes.iter().flat_map(|commune| {
        let none = [String::new()];
        let codes =
            if commune.postal_codes.is_empty() { none.to_vec() } else { commune.postal_codes.clone() };
        codes.into_iter().map(move |postal_code| choice(commune, &postal_code))
    });
    each.take(CHOICES_MAX).collect()
}

fn choice(commune: &v1::Commune, postal_code: &str) -> Choice {
    let department = territory::communes().department(&commune.department_code).map_or("", Department::name);
    let former = match commune.matched_name.as_str() {
        "" => String::new(),
        name => format!("{name}, "),
    };
    Choice {
        text: commune_text(&commune.name, postal_code),
        detail: format!("{former}{department}"),
        value: chosen(&commune.code, postal_code),
    }
}

/// `GET /saisie/communes?q=…`: the communes that match a text while it is typed.
pub(crate) async fn complete(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let fields = Fields::of(query.unwrap_or_default().as_bytes());
    let text = fields.first("q");
    let clients = app.services().ingestion(&headers)?;
    let communes = match text {
        "" => Vec::new(),
        text => app.within(search(&clients, text, SEARCHED)).await?,
    };
    // A typed postal code excludes the commune's other postal codes.
    let typed: Vec<_> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let mut choices = choices_of(&communes);
    if typed.iter().any(|word| territory::communes().is_postal_code(word)) {
        let exact =
            choices.iter().filter(|it| typed.iter().any(|word| it.text.ends_with(&format!("({word})"))));
        choices = exact.cloned().collect();
    }
    let json = serde_json::to_string(&choices).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commune(code: &str, name: &str, postal_codes: &[&str]) -> v1::Commune {
        v1::Commune {
            code: code.to_owned(),
            name: name.to_owned(),
            postal_codes: postal_codes.iter().map(|code| (*code).to_owned()).collect(),
            department_code: code[..2].to_owned(),
            ..Default::default()
        }
    }

    fn place(code: &str, postal_code: &str) -> Place {
        Place { code: code.to_owned(), postal_code: postal_code.to_owned() }
    }

    #[test]
    fn a_whole_name_or_code_is_one_commune_and_part_of_one_is_a_choice() {
        let quimper = || commune("29232", "Quimper", &["29000"]);
        let quimperle = || commune("29233", "Quimperlé", &["29300"]);
        let rennes = || commune("35238", "Rennes", &["35000", "35200", "35700"]);
        for (text, communes, expected) in [
            ("Quimper", vec![quimper(), quimperle()], place("29232", "")),
            ("quimper", vec![quimper(), quimperle()], place("29232", "")),
            ("29000", vec![quimper()], place("29232", "29000")),
            ("29232", vec![quimper()], place("29232", "")),
            ("Rennes (35200)", vec![rennes()], place("35238", "35200")),
            ("35200 RENNES", vec![rennes()], place("35238", "35200")),
        ] {
            let found = of_answer(text, communes);
            assert_eq!((found.place, found.problem, found.choices), (expected, None, vec![]), "{text}");
        }
        let found = of_answer("quimp", vec![quimper(), quimperle()]);
        assert_eq!(found.place, Place::default());
        let texts: Vec<_> = found.choices.iter().map(|choice| choice.text.as_str()).collect();
        assert_eq!(texts, ["Quimper (29000)", "Quimperlé (29300)"]);
        assert!(found.problem.unwrap().message.contains("plusieurs communes"));
        let found = of_answer("Rennes", vec![rennes()]);
        assert_eq!(
            (found.place, found.choices.len()),
            (place("35238", ""), 3),
            "the service asks which postal code"
        );
        assert!(of_answer("Atlantide", vec![]).problem.unwrap().message.contains("aucune commune"));
    }

    #[test]
    fn a_choice_counts_while_the_text_is_the_one_it_was_made_for() {
        let typed = |commune: &str| Typed {
            commune: commune.to_owned(),
            chosen: "35238 35000".to_owned(),
            chosen_for: "Rennes (35000)".to_owned(),
            ..Default::default()
        };
        assert_eq!(as_chosen(&typed("Rennes (35000)")), Some(place("35238", "35000")));
        assert_eq!(as_chosen(&typed("Quimper")), None);
    }
}
