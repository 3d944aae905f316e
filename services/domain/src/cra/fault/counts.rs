//! Messages about numbers of people and minutes, in both languages.

use super::super::rules::{MINUTES_MAX, MINUTES_MIN, MINUTES_STEP};

/// The valid number of minutes nearest to the one found.
fn nearest_minutes(found: u32) -> u32 {
    let clamped = found.clamp(MINUTES_MIN, MINUTES_MAX);
    (clamped + MINUTES_STEP / 2) / MINUTES_STEP * MINUTES_STEP
}

fn plural(count: u32) -> &'static str {
    if count > 1 { "s" } else { "" }
}

pub(super) fn participants_en(found: &str, min: u32, max: u32) -> String {
    if min == max {
        format!("found {found}, expected exactly {min}")
    } else {
        format!("found {found}, expected {min} to {max}")
    }
}

pub(super) fn participants_fr(found: &str, min: u32, max: u32) -> String {
    if max == 1 && found == "0" {
        "Cette activité concerne une personne et vous en indiquez 0 : indiquez 1.".into()
    } else if max == 1 {
        format!(
            "Cette activité concerne une seule personne et vous en indiquez {found} : à plusieurs, choisissez \
             l'atelier collectif."
        )
    } else {
        format!("Le nombre de participants, {found}, doit être compris entre {min} et {max}.")
    }
}

pub(super) fn returning_en(returning: u32, participants: u32) -> String {
    format!("{returning} people were met before, expected at most the {participants} participants")
}

pub(super) fn returning_fr(returning: u32, participants: u32) -> String {
    let (people, present) = (plural(returning), plural(participants));
    format!(
        "Vous indiquez {returning} personne{people} déjà accompagnée{people} pour {participants} \
         participant{present} : il ne peut pas y en avoir davantage."
    )
}

pub(super) fn sum_en(what: &str, sum: u64, participants: u32) -> String {
    let people = u64::from(participants);
    let difference =
        if sum < people { format!("{} too few", people - sum) } else { format!("{} too many", sum - people) };
    format!("the {what} add up to {sum}, expected the {participants} participants: {difference}")
}

pub(super) fn sum_fr(what: &str, sum: u64, participants: u32) -> String {
    let people = u64::from(participants);
    let difference = if sum < people {
        format!("il en manque {}", people - sum)
    } else {
        format!("il y en a {} de trop", sum - people)
    };
    format!("{what} totalisent {sum} pour un nombre de participants de {participants} : {difference}.")
}

pub(super) fn planned_en(sum: u64, participants: u32) -> String {
    let beyond = sum.saturating_sub(u64::from(participants));
    format!("{sum} people planned, expected at most the {participants} participants: {beyond} too many")
}

pub(super) fn planned_fr(sum: u64, participants: u32) -> String {
    let (present, beyond) = (plural(participants), sum.saturating_sub(u64::from(participants)));
    format!(
        "Les suites envisagées concernent {sum} personnes pour {participants} participant{present} : {beyond} de trop."
    )
}

pub(super) fn minutes_en(found: u32) -> String {
    let expected = format!("expected a multiple of {MINUTES_STEP} from {MINUTES_MIN} to {MINUTES_MAX}");
    if found < MINUTES_MIN {
        format!("found {found}, {expected}; take another band for less than an hour")
    } else {
        format!("found {found}, {expected}; the nearest is {}", nearest_minutes(found))
    }
}

pub(super) fn minutes_fr(found: u32) -> String {
    if found < MINUTES_MIN {
        format!(
            "Avec la durée « 1h ou plus », indiquez de {MINUTES_MIN} à {MINUTES_MAX} minutes, et non {found} : pour \
             moins d'une heure, choisissez une autre durée."
        )
    } else {
        format!(
            "Indiquez {} minutes plutôt que {found} : la durée va de {MINUTES_MIN} à {MINUTES_MAX} minutes, de \
             {MINUTES_STEP} en {MINUTES_STEP}.",
            nearest_minutes(found)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_off_the_step_are_refused_with_the_nearest_valid_number() {
        for (found, nearest) in
            [(61, 60), (67, 60), (68, 75), (70, 75), (479, 480), (481, 480), (u32::MAX, 480)]
        {
            assert!(
                minutes_fr(found).starts_with(&format!("Indiquez {nearest} minutes")),
                "{}",
                minutes_fr(found)
            );
            assert!(
                minutes_en(found).ends_with(&format!("the nearest is {nearest}")),
                "{}",
                minutes_en(found)
            );
        }
        assert!(minutes_fr(45).ends_with("choisissez une autre durée."));
    }

    #[test]
    fn sums_are_refused_with_their_difference() {
        assert_eq!(
            sum_fr("Les statuts", 4, 5),
            "Les statuts totalisent 4 pour un nombre de participants de 5 : il en manque 1."
        );
        assert!(sum_fr("Les statuts", 7, 5).ends_with("il y en a 2 de trop."));
        assert!(planned_fr(3, 1).contains("3 personnes pour 1 participant : 2 de trop"));
        assert!(returning_fr(2, 1).contains("2 personnes déjà accompagnées pour 1 participant "));
    }
}
