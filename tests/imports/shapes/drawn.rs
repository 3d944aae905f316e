//! Random CRAs, each in the vocabulary of today's form and of the older system, from the tables of the domain page.

use std::collections::BTreeMap;

use cra_contracts::v1 as pb;
use jiff::civil::{Date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use pb::redirection::Organisation;
use rand::RngExt as _;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde_json::{Map, Value, json};

use super::Twin;
use super::document::{Shapes, Shaping};

pub(super) const FIRST_DAY: &str = "2021-04-29";
pub(super) const LAST_DAY: &str = "2024-06-30";

/// INSEE code, postal code, name in the older form's list, time zone.
const PLACES: [(&str, &str, &str, &str); 11] = [
    ("35238", "35000", "RENNES", "Europe/Paris"),
    ("75110", "75010", "PARIS", "Europe/Paris"),
    ("75101", "75001", "PARIS 01", "Europe/Paris"),
    ("69383", "69003", "LYON", "Europe/Paris"),
    ("13216", "13016", "MARSEILLE 16", "Europe/Paris"),
    ("01004", "01500", "AMBERIEU EN BUGEY", "Europe/Paris"),
    ("2A004", "20000", "AJACCIO", "Europe/Paris"),
    ("42218", "42000", "ST ETIENNE", "Europe/Paris"),
    ("97209", "97200", "FORT DE FRANCE", "America/Martinique"),
    ("97411", "97400", "SAINT DENIS", "Indian/Reunion"),
    ("98735", "98714", "PAPEETE", "Pacific/Tahiti"),
];
const CHANNELS: [(i32, &[&str]); 4] =
    [(1, &["rattachement"]), (2, &["autre lieu", "autre"]), (3, &["distance"]), (4, &["domicile"])];
const ACTIVITIES: [(i32, &str); 3] = [(1, "collectif"), (2, "individuel"), (3, "ponctuel")];
const AGES: [[&str; 2]; 5] = [
    ["moins12ans", "-12"],
    ["de12a18ans", "12-18"],
    ["de18a35ans", "18-35"],
    ["de35a60ans", "35-60"],
    ["plus60ans", "+60"],
];
const STATUSES: [[&str; 2]; 5] = [
    ["etudiant", "etudiant"],
    ["sansEmploi", "sans emploi"],
    ["enEmploi", "en emploi"],
    ["retraite", "retraite"],
    ["heterogene", "heterogene"],
];
/// Themes that a new CRA may have.
const THEMES: [(pb::Theme, &str); 17] = [
    (pb::Theme::DigitalDiagnosis, "diagnostic"),
    (pb::Theme::Equipment, "equipement informatique"),
    (pb::Theme::Budget, "budget"),
    (pb::Theme::DigitalCulture, "vocabulaire"),
    (pb::Theme::Internet, "internet"),
    (pb::Theme::Employment, "trouver emploi"),
    (pb::Theme::Email, "courriel"),
    (pb::Theme::SocialExchange, "echanger"),
    (pb::Theme::SmallBusiness, "tpe/pme"),
    (pb::Theme::Security, "securite"),
    (pb::Theme::DigitalContent, "contenus numeriques"),
    (pb::Theme::CaregiverSupport, "accompagner enfant"),
    (pb::Theme::FraudAndHarassment, "fraude et harcelement"),
    (pb::Theme::OfficeSoftware, "traitement texte"),
    (pb::Theme::Schooling, "scolaire"),
    (pb::Theme::Health, "sante"),
    (pb::Theme::OnlineProcedures, "demarche en ligne"),
];
const SUB_THEMES: [(pb::Theme, pb::SubTheme, &str); 8] = [
    (pb::Theme::Equipment, pb::SubTheme::EquipmentComputer, "ordinateur"),
    (pb::Theme::Equipment, pb::SubTheme::EquipmentTablet, "tablette"),
    (pb::Theme::Equipment, pb::SubTheme::EquipmentPhone, "telephone"),
    (pb::Theme::CaregiverSupport, pb::SubTheme::CaregiverRelative, "parent"),
    (pb::Theme::CaregiverSupport, pb::SubTheme::CaregiverSocial, "social"),
    (pb::Theme::CaregiverSupport, pb::SubTheme::CaregiverTeacher, "enseignant"),
    (pb::Theme::OfficeSoftware, pb::SubTheme::OfficeSupplies, "fourniture"),
    (pb::Theme::Health, pb::SubTheme::HealthEspaceSante, "espace-sante"),
];
const KNOWN: [(i32, &[&str]); 5] = [
    (1, &["ANTS"]),
    (3, &["CAF", "caf"]),
    (12, &["Médiathèque", "MEDIATHEQUE"]),
    (16, &["Sous-préfecture"]),
    (20, &["Tiers-lieu / Fablab"]),
];
const OTHERS: [&str; 2] = ["Emmaüs", "Secours populaire"];

/// A CRA and its document, both complete.
pub(super) fn twin(chance: &mut StdRng, number: u32, shapes: Shapes) -> Twin {
    let mut draw = Draw { shaping: Shaping { chance, shapes }, cra: pb::Cra::default(), old: Map::new() };
    let legacy_id = format!("0000000000007a00{number:08x}");
    let mut document = Map::new();
    document.insert("_id".into(), draw.shaping.own_id(&legacy_id));
    draw.people_in_charge(&mut document);
    draw.place_and_day(&mut document);
    let participants = draw.people();
    draw.topics();
    draw.duration();
    draw.follow_up(participants);
    document.insert("cra".into(), draw.old.into());
    Twin { legacy_id, cra: draw.cra, document: document.into() }
}

struct Draw<'a> {
    shaping: Shaping<'a>,
    cra: pb::Cra,
    /// The `cra` object of the document.
    old: Map<String, Value>,
}

impl Draw<'_> {
    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values.choose(self.shaping.chance).unwrap().clone()
    }

    fn up_to(&mut self, max: u32) -> u32 {
        self.shaping.chance.random_range(0..=max)
    }

    fn say(&mut self, field: &str, value: Value) {
        self.old.insert(field.to_owned(), value);
    }

    fn people_in_charge(&mut self, document: &mut Map<String, Value>) {
        let advisor = format!("0000000000007a0000002{:03x}", self.up_to(5));
        let structure = format!("0000000000007a0000003{:03x}", self.up_to(2));
        document.insert("conseiller".into(), self.shaping.id(&advisor));
        document.insert("structure".into(), self.shaping.id(&structure));
        (self.cra.advisor_id, self.cra.structure_id) = (advisor, structure);
    }

    fn place_and_day(&mut self, document: &mut Map<String, Value>) {
        let (code, postal_code, name, zone) = self.pick(&PLACES);
        let (channel, slugs) = self.pick(&CHANNELS);
        let slug = self.pick(slugs);
        self.say("canal", json!(slug));
        self.say("codePostal", json!(postal_code));
        self.say("nomCommune", json!(name));
        let without = [None, Some(Value::Null), Some(json!(""))];
        let code_said = if self.shaping.half() { Some(json!(code)) } else { self.pick(&without) };
        if let Some(value) = code_said {
            self.say("codeCommune", value);
        }
        let venue = "0000000000007a0000004001";
        let has_venue = self.shaping.half();
        if has_venue {
            document.insert("permanence".into(), self.shaping.id(venue));
        }
        self.cra.place = Some(pb::Place {
            channel,
            commune_code: code.to_owned(),
            postal_code: postal_code.to_owned(),
            venue_id: if has_venue && channel == 1 { venue.to_owned() } else { String::new() },
        });

        let (first, last): (Date, Date) = (FIRST_DAY.parse().unwrap(), LAST_DAY.parse().unwrap());
        let days = first.until(last).unwrap().get_days();
        let day = first.checked_add(self.shaping.chance.random_range(0..=days).days()).unwrap();
        self.cra.date = day.to_string();
        let zone = TimeZone::get(zone).unwrap();
        let hour = self.pick(&[0, 8, 12, 23]);
        let there: Timestamp =
            day.to_datetime(time(hour, 30, 0, 0)).to_zoned_datetime(zone.clone()).unwrap().timestamp();
        let midnight = day.to_zoned_datetime(TimeZone::UTC).unwrap().timestamp();
        // Recorded on the day itself, with the day only in the record, or days later.
        let (own, created) = match self.up_to(3) {
            0 => (None, there),
            1 => (Some(midnight), there),
            2 => (Some(there), there + jiff::SignedDuration::from_hours(24 * i64::from(self.up_to(40)))),
            _ => (Some(there), there),
        };
        if let Some(instant) = own {
            let value = self.shaping.instant(instant);
            self.say("dateAccompagnement", value);
        }
        document.insert("createdAt".into(), self.shaping.instant(created));
        if self.shaping.half() {
            let updated = created + jiff::SignedDuration::from_hours(1);
            document.insert("updatedAt".into(), self.shaping.instant(updated));
        }
    }

    /// People, their ages and statuses; returns their number.
    fn people(&mut self) -> u32 {
        let (activity, slug) = self.pick(&ACTIVITIES);
        let participants = if activity == 1 { 2 + self.up_to(12) } else { 1 };
        self.cra.activity = activity;
        self.cra.participants = Some(participants);
        self.say("activite", json!(slug));
        if participants > 1 || self.shaping.half() {
            let value = self.shaping.number(participants);
            self.say("nbParticipants", value);
        } else if self.shaping.half() {
            self.say("nbParticipants", Value::Null);
        }
        let returning = self.up_to(participants);
        self.cra.returning_participants = returning;
        let value = self.shaping.count(returning);
        self.say("nbParticipantsRecurrents", value);
        let ages = self.spread("age", participants, &AGES);
        let [under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60] = ages;
        self.cra.ages =
            Some(pb::AgeCounts { under_12, from_12_to_18, from_18_to_35, from_35_to_60, over_60 });
        let [student, unemployed, employed, retired, unspecified_or_mixed] =
            self.spread("statut", participants, &STATUSES);
        self.cra.statuses =
            Some(pb::StatusCounts { student, unemployed, employed, retired, unspecified_or_mixed });
        participants
    }

    fn spread(&mut self, field: &str, participants: u32, slugs: &[[&str; 2]; 5]) -> [u32; 5] {
        let mut counts = [0; 5];
        if self.shaping.half() {
            let band = self.shaping.chance.random_range(0..5);
            counts[band] = participants;
            if self.shaping.half() {
                let slug = self.pick(&slugs[band]);
                self.say(field, json!(slug));
                return counts;
            }
        } else {
            for _ in 0..participants {
                counts[self.shaping.chance.random_range(0..5)] += 1;
            }
        }
        let mut object = Map::new();
        for (count, [slug, _]) in counts.into_iter().zip(slugs) {
            if count > 0 || self.shaping.half() {
                object.insert((*slug).to_owned(), self.shaping.count(count));
            }
        }
        self.say(field, object.into());
        counts
    }

    fn topics(&mut self) {
        let count = 1 + self.up_to(4) as usize;
        let mut themes: Vec<_> = THEMES.sample(self.shaping.chance, count).copied().collect();
        let mut sub_themes = Vec::new();
        if self.shaping.half() {
            let count = 1 + self.up_to(2) as usize;
            sub_themes = SUB_THEMES.sample(self.shaping.chance, count).copied().collect();
        }
        // A sub-theme adds its theme, even if the document omits it.
        let mut slugs: Vec<&str> = themes.iter().map(|(_, slug)| *slug).collect();
        for (theme, _, _) in &sub_themes {
            if !themes.iter().any(|(chosen, _)| chosen == theme) {
                let (_, slug) = THEMES.iter().find(|(other, _)| other == theme).unwrap();
                themes.push((*theme, slug));
                if self.shaping.half() {
                    slugs.push(slug);
                }
            }
        }
        slugs.shuffle(self.shaping.chance);
        self.say("themes", json!(slugs));
        let mut entries = Vec::new();
        let mut by_theme: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (theme, _, slug) in &sub_themes {
            let (_, of) = THEMES.iter().find(|(other, _)| other == theme).unwrap();
            by_theme.entry(of).or_default().push(slug);
        }
        for (theme, slugs) in by_theme {
            let value = if slugs.len() == 1 && self.shaping.half() { json!(slugs[0]) } else { json!(slugs) };
            entries.push(json!({theme: value}));
        }
        if self.shaping.half() {
            self.cra.annotation = self.pick(&["ameli", "impôts en ligne", "Été"]).to_owned();
            entries.push(json!({"annotation": [self.cra.annotation]}));
        }
        let value = if entries.is_empty() { Value::Null } else { entries.into() };
        if let Some(value) = match value {
            Value::Null => self.shaping.or_absent(Value::Null),
            value => Some(value),
        } {
            self.say("sousThemes", value);
        }
        self.cra.themes = themes.iter().map(|(theme, _)| *theme as i32).collect();
        self.cra.sub_themes = sub_themes.iter().map(|(_, sub_theme, _)| *sub_theme as i32).collect();
    }

    fn duration(&mut self) {
        let band = self.up_to(2);
        let (message, value) = match band {
            0 => {
                let minutes = self.shaping.chance.random_range(1..30);
                let value = if self.shaping.half() { json!("0-30") } else { self.shaping.number(minutes) };
                (pb::Duration { band: 1, minutes: None }, value)
            }
            1 => {
                let minutes = self.shaping.chance.random_range(30..60);
                let value = if self.shaping.half() { json!("30-60") } else { self.shaping.number(minutes) };
                (pb::Duration { band: 2, minutes: None }, value)
            }
            _ => {
                let minutes = 60 + 15 * self.up_to(28);
                (pb::Duration { band: 3, minutes: Some(minutes) }, self.shaping.number(minutes))
            }
        };
        self.cra.duration = Some(message);
        self.say("duree", value);
    }

    fn follow_up(&mut self, participants: u32) {
        let individual = self.up_to(participants);
        let workshop = self.up_to(participants - individual);
        let mut remaining = self.up_to(participants - individual - workshop);
        let redirected = remaining;
        let mut redirections: Vec<(Organisation, &str, u32)> = Vec::new();
        while remaining > 0 {
            let people = 1 + self.up_to(remaining - 1);
            let (organisation, name) = if self.shaping.half() {
                let (number, names) = self.pick(&KNOWN);
                (Organisation::Known(number), self.pick(names))
            } else {
                let name = self.pick(&OTHERS);
                (Organisation::Other(name.to_owned()), name)
            };
            remaining -= people;
            match redirections.iter_mut().find(|(other, ..)| *other == organisation) {
                Some((_, _, sum)) => *sum += people,
                None => redirections.push((organisation, name, people)),
            }
        }
        self.say_next(participants, individual, workshop, redirected);
        self.say_organisations(&redirections);
        let message =
            |(organisation, _, people)| pb::Redirection { organisation: Some(organisation), people };
        self.cra.follow_up = Some(pb::FollowUp {
            individual,
            workshop,
            redirections: redirections.into_iter().map(message).collect(),
        });
    }

    fn say_next(&mut self, participants: u32, individual: u32, workshop: u32, redirected: u32) {
        let everybody = [(individual, "individuel"), (workshop, "atelier"), (redirected, "redirection")];
        let slug = everybody.iter().find(|(people, _)| *people == participants).map(|(_, slug)| json!(slug));
        let nothing = individual + workshop + redirected == 0;
        let short = slug.or(nothing.then_some(Value::Null));
        let value = match short {
            Some(short) if self.shaping.half() => short,
            _ => json!({
                "individuel": self.shaping.count(individual),
                "atelier": self.shaping.count(workshop),
                "redirection": self.shaping.count(redirected),
            }),
        };
        self.say("accompagnement", value);
    }

    fn say_organisations(&mut self, redirections: &[(Organisation, &str, u32)]) {
        if let [(_, name, _)] = redirections
            && self.shaping.half()
        {
            self.say("organisme", json!(name));
            if self.shaping.half() {
                self.say("organismes", Value::Null);
            }
            return;
        }
        let mut list = Vec::new();
        for (_, name, people) in redirections {
            list.push(json!({*name: self.shaping.number(*people)}));
        }
        let list = if list.is_empty() && self.shaping.half() { Value::Null } else { list.into() };
        self.say("organismes", list);
        if self.shaping.half() {
            self.say("organisme", Value::Null);
        }
    }
}
