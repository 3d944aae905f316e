//! Words of closed lists. Reading accepts any spelling of a word; writing uses its name in the contract.

use cra_domain::spelling;
use cra_domain::vocabulary::Word;

use super::SEPARATOR;
use super::parse::is_blank;

/// Bound on the edit distance of a suggestion: one changed letter per this number of letters.
const LETTERS_PER_SLIP: usize = 3;

/// Parses the number of a word; 0 (unspecified) for an empty text.
pub(super) fn number<W: Word>(text: &str) -> Result<i32, String> {
    if text.is_empty() {
        return Ok(0);
    }
    find::<W>(text).map(Word::number).ok_or_else(|| unknown::<W>(text))
}

/// Parses the numbers of a list of words, separated by `|`, `;`, a comma or a line end. A comma within a label does not
/// separate.
pub(super) fn numbers<W: Word>(text: &str) -> Result<Vec<i32>, String> {
    let mut numbers = Vec::new();
    for part in text.split(['|', ';', '\n']) {
        let pieces: Vec<&str> = part.split(',').collect();
        let mut start = 0;
        while start < pieces.len() {
            let longest = (start + 1..=pieces.len()).rev().find_map(|end| {
                let joined = pieces[start..end].join(",");
                find::<W>(joined.trim_matches(is_blank)).map(|word| (word, end))
            });
            let piece = pieces[start].trim_matches(is_blank);
            match longest {
                Some((word, end)) => {
                    numbers.push(word.number());
                    start = end;
                }
                None if piece.is_empty() => start += 1,
                None => return Err(unknown::<W>(piece)),
            }
        }
    }
    Ok(numbers)
}

/// Name of a word; empty for 0. An unknown number is written in digits, and refused when it is read again.
pub(super) fn name<W: Word>(number: i32) -> String {
    match W::from_number(number) {
        Some(word) => word.term().name.to_owned(),
        None if number == 0 => String::new(),
        None => number.to_string(),
    }
}

/// Names of words, in the notation that [`numbers`] reads.
pub(super) fn names<W: Word>(numbers: &[i32]) -> String {
    numbers.iter().map(|number| name::<W>(*number)).collect::<Vec<_>>().join(SEPARATOR)
}

fn find<W: Word>(text: &str) -> Option<W> {
    // "-12" and "12-18" would otherwise lose their hyphens.
    if let Some(word) = W::from_slug(text) {
        return Some(word);
    }
    let key = |text: &str| spelling::key(&text.replace('_', " "));
    let wanted = key(text);
    let today = |word: &&W| {
        let term = word.term();
        [term.name, &word.short_form(), term.slug, term.label].iter().any(|form| key(form) == wanted)
    };
    let formerly = |word: &&W| word.term().past_labels.iter().any(|past| key(past.label) == wanted);
    W::ALL.iter().find(today).or_else(|| W::ALL.iter().find(formerly)).copied()
}

fn unknown<W: Word>(text: &str) -> String {
    let shown = |word: &W| format!("« {} » ({})", word.term().label, word.term().name);
    let near = nearest::<W>(text).map(|word| format!("vouliez-vous dire {} ? ", shown(&word)));
    let all: Vec<String> = W::ALL.iter().filter(|word| word.term().open).map(shown).collect();
    format!(
        "« {text} » n'est pas un mot du formulaire ; {}les choix sont {}",
        near.unwrap_or_default(),
        all.join(", ")
    )
}

fn nearest<W: Word>(text: &str) -> Option<W> {
    let key = spelling::key(text);
    let distance = |word: &W| {
        let term = word.term();
        let short = word.short_form();
        let forms = [term.name, term.slug, term.label, &short].map(spelling::key);
        forms.iter().map(|form| strsim::damerau_levenshtein(form, &key)).min().unwrap_or(usize::MAX)
    };
    let nearest = W::ALL.iter().copied().min_by_key(|word| distance(word))?;
    (distance(&nearest) <= key.chars().count() / LETTERS_PER_SLIP).then_some(nearest)
}
