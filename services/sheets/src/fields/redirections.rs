//! Redirections in one text: `CAF: 2 | Maison de l'emploi: 1`, the notation of the exports.

use cra_contracts::v1;
use cra_contracts::v1::redirection::Organisation as Recipient;
use cra_domain::vocabulary::{Organisation, Word as _};

use super::SEPARATOR;
use super::parse::{count, is_blank};

/// Name that exports show for a redirection of an older form without an organisation.
const UNNAMED: &str = "Non précisé";

/// Parses redirections. A part without a number belongs to the name that follows it, because names may contain the
/// separator.
pub(super) fn parse(text: &str) -> Result<Vec<v1::Redirection>, String> {
    let mut redirections = Vec::new();
    let mut name = String::new();
    for part in text.split('|') {
        if !name.is_empty() {
            name.push('|');
        }
        name.push_str(part);
        let Some((recipient, people)) = name.rsplit_once([':', '=']) else { continue };
        let Ok(Some(people)) = count(people) else { continue };
        redirections.push(v1::Redirection { organisation: organisation(recipient), people });
        name.clear();
    }
    let rest = name.trim_matches(is_blank);
    if rest.is_empty() {
        return Ok(redirections);
    }
    Err(format!("« {rest} » n'indique pas combien de personnes ; écrivez par exemple « CAF: 2 | Mairie: 1 »"))
}

/// Recognises a known organisation only if the text is its label or its name in the contract. Any other spelling is
/// stored as written, and the service counts it under the organisation that it means.
fn organisation(text: &str) -> Option<Recipient> {
    let name = text.trim_matches(is_blank);
    if name == UNNAMED {
        return None;
    }
    let is_it = |organisation: &&Organisation| {
        let term = organisation.term();
        term.label == name || term.slug == name || term.name.eq_ignore_ascii_case(name)
    };
    Some(match Organisation::ALL.iter().find(is_it) {
        Some(known) => Recipient::Known(known.number()),
        None => Recipient::Other(name.to_owned()),
    })
}

/// Writes redirections in the notation that [`parse`] reads.
pub(super) fn text(redirections: &[v1::Redirection]) -> String {
    let texts = redirections.iter().map(|redirection| {
        let name = match &redirection.organisation {
            Some(Recipient::Known(number)) => {
                Organisation::from_number(*number).map_or("", |known| known.term().label)
            }
            Some(Recipient::Other(name)) => name,
            None => UNNAMED,
        };
        format!("{name}: {}", redirection.people)
    });
    texts.collect::<Vec<_>>().join(SEPARATOR)
}
