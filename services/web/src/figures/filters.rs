//! The form of the selection: presets of the period, every field with its chosen values, and the faults at their
//! fields.

use cra_contracts::v1;
use cra_domain::period::{Period, months_after};
use cra_domain::selection::{Value, restrictions};
use cra_domain::territory;
use jiff::civil::Date;

use crate::address::{
    Address, At, COMPARED, Compare, DEFAULT_ROWS, FIELDS, Field, Kind as FieldKind, Problem, choices,
};
use crate::names::{Kind, Names};

/// The form of the selection.
pub(crate) struct Filters {
    /// Address of the page that the form opens.
    pub(crate) path: &'static str,
    pub(crate) presets: Vec<Preset>,
    pub(crate) from: Input,
    pub(crate) to: Input,
    /// Day whose past state of the log is shown.
    pub(crate) past: Input,
    pub(crate) compared: Vec<Choice>,
    pub(crate) groups: Vec<Group>,
    /// Parameters that the form sends as hidden inputs.
    pub(crate) hidden: Vec<(&'static str, String)>,
    /// The chosen values other than the days, each with the address without it.
    pub(crate) chips: Vec<Chip>,
    /// The address with only the period.
    pub(crate) cleared: String,
    /// Whether a collapsed field needs attention.
    pub(crate) is_open: bool,
    /// Names of people and places that complete a text: the field, and its list.
    pub(crate) lists: Vec<(&'static str, Vec<String>)>,
    pub(crate) regions: Vec<String>,
    pub(crate) departments: Vec<String>,
}

/// A period that one link selects.
pub(crate) struct Preset {
    pub(crate) label: String,
    pub(crate) link: String,
    pub(crate) is_current: bool,
}

pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: String,
    /// Fault of the field; empty for none.
    pub(crate) error: String,
}

/// A choice of one value from a list.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) label: String,
    pub(crate) is_chosen: bool,
}

pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) fields: Vec<Shown>,
}

/// A field of the selection.
pub(crate) struct Shown {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    /// The possible values; for a text field, the chosen ones.
    pub(crate) choices: Vec<Choice>,
    /// Example for a text field.
    pub(crate) example: Option<&'static str>,
    /// Id of the list of names that completes a text; empty for none.
    pub(crate) list: &'static str,
    pub(crate) typed: String,
    pub(crate) error: String,
}

/// A value that is chosen.
pub(crate) struct Chip {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    pub(crate) without: String,
}

/// Titles of the groups, and the parameters of their fields.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Territoire et acteurs",
        &["region", "departement", "epci", "commune", "code-postal", "structure", "conseiller", "lieu"],
    ),
    ("Activité", &["activite", "canal", "duree"]),
    ("Public", &["age", "statut"]),
    ("Sujets", &["theme", "sous-theme"]),
];

impl Filters {
    /// Makes the form of the page at `path`, to which its links lead.
    pub(crate) fn of(
        address: &Address,
        problems: &[Problem],
        today: Date,
        path: &'static str,
        names: &Names,
    ) -> Self {
        let Address { selection, at, view } = address;
        let input = |name, label, value: &str| {
            let problem = problems.iter().find(|problem| problem.field == name);
            Input {
                name,
                label,
                // A value that a service refused was read, and is part of the address.
                value: problem
                    .filter(|problem| !problem.found.is_empty())
                    .map_or_else(|| value.to_owned(), |problem| problem.found.clone()),
                error: problem.map(|problem| problem.message.clone()).unwrap_or_default(),
            }
        };
        let past = match at {
            At::Day(day) => day.to_string(),
            At::Now | At::Live | At::Position { .. } => String::new(),
        };
        let chips = chips(address, names);
        let has_problem = |fields: &[&str]| problems.iter().any(|problem| fields.contains(&problem.field));
        let folded: Vec<&str> =
            GROUPS.iter().flat_map(|(_, fields)| *fields).copied().chain(["le"]).collect();
        let mut filters = Self {
            path,
            presets: presets(address, today),
            from: input("du", "Du", &selection.from),
            to: input("au", "Au", &selection.to),
            past: input("le", "Chiffres tels qu'ils étaient le", &past),
            compared: compared(view.compare),
            groups: groups(address, problems, names),
            hidden: hidden(address),
            cleared: address.with(|it| {
                let v1::Selection { from, to, .. } = std::mem::take(&mut it.selection);
                it.selection = v1::Selection { from, to, ..Default::default() };
            }),
            chips,
            is_open: has_problem(&folded),
            lists: names.lists(),
            regions: labels(territory::communes().regions().iter().map(|it| (it.name(), it.code()))),
            departments: labels(territory::communes().departments().iter().map(|it| (it.name(), it.code()))),
        };
        let links = filters.presets.iter_mut().map(|preset| &mut preset.link);
        let links = links.chain(filters.chips.iter_mut().map(|chip| &mut chip.without));
        for link in links.chain([&mut filters.cleared]) {
            *link = at_path(link, path);
        }
        filters
    }

    /// Whether the page shows figures, which can be compared and shown at a past state.
    pub(crate) fn is_of_figures(&self) -> bool {
        self.path == "/"
    }
}

/// The address of another page with the parameters of the figures' page.
pub(crate) fn at_path(link: &str, path: &str) -> String {
    format!("{path}{}", link.strip_prefix('/').unwrap_or(link))
}

fn labels(all: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<String> {
    all.map(|(name, code)| format!("{name} ({code})")).collect()
}

fn compared(chosen: Option<Compare>) -> Vec<Choice> {
    let none = Choice { value: String::new(), label: "rien".to_owned(), is_chosen: chosen.is_none() };
    let compared = COMPARED.iter().map(|(compare, word, label)| Choice {
        value: (*word).to_owned(),
        label: (*label).to_owned(),
        is_chosen: chosen == Some(*compare),
    });
    std::iter::once(none).chain(compared).collect()
}

/// Parameters without a field in the form: the position of the log, and the number of rows.
fn hidden(address: &Address) -> Vec<(&'static str, String)> {
    let mut hidden = Vec::new();
    if let At::Position { position, log } = &address.at {
        hidden.push(("position", position.to_string()));
        hidden.push(("journal", log.clone()));
    }
    if address.at == At::Live {
        hidden.push(("direct", "oui".to_owned()));
    }
    if address.view.rows != DEFAULT_ROWS {
        hidden.push(("n", address.view.rows.to_string()));
    }
    hidden
}

fn presets(address: &Address, today: Date) -> Vec<Preset> {
    let month = today.first_of_month();
    let into_quarter = i32::from((today.month() - 1) % 3);
    let quarter = months_after(month, -into_quarter);
    // A school year begins in September.
    let into_school_year = (i32::from(today.month()) + 3) % 12;
    let periods = [
        ("Mois dernier", Period::months(months_after(month, -1), 1)),
        ("Ce mois-ci", Period::months(month, 1)),
        ("Trimestre dernier", Period::months(months_after(quarter, -3), 3)),
        ("12 derniers mois", Period::months(months_after(month, -12), 12)),
        ("Année scolaire", Period::months(months_after(month, -into_school_year), 12)),
        ("Cette année", Period::months(today.first_of_year(), 12)),
    ];
    let preset = |label: &str, from: String, to: String| {
        let selection = v1::Selection { from, to, ..address.selection.clone() };
        Preset {
            label: label.to_owned(),
            is_current: selection == address.selection,
            link: address.with(|it| it.selection = selection),
        }
    };
    let mut presets: Vec<_> = periods
        .into_iter()
        .map(|(label, period)| preset(label, period.from().to_string(), period.to().to_string()))
        .collect();
    presets.push(preset("Toutes les dates", String::new(), String::new()));
    presets
}

fn groups(address: &Address, problems: &[Problem], names: &Names) -> Vec<Group> {
    let chosen = address.parameters();
    let shown = |name: &&str| {
        let field = FIELDS.iter().find(|field| field.name == *name)?;
        Some(shown(field, &address.selection, &chosen, problems, names))
    };
    GROUPS
        .iter()
        .map(|(title, names)| Group { title, fields: names.iter().filter_map(shown).collect() })
        .collect()
}

fn shown(
    field: &Field,
    selection: &v1::Selection,
    chosen: &[(&'static str, String)],
    problems: &[Problem],
    names: &Names,
) -> Shown {
    let is_chosen = |value: &str| chosen.iter().any(|(name, it)| *name == field.name && it == value);
    let problem = problems.iter().find(|problem| problem.field == field.name);
    let (example, choices) = match field.kind {
        FieldKind::Choices => {
            let choice = |(value, label): (String, &str)| Choice {
                is_chosen: is_chosen(&value),
                label: label.to_owned(),
                value,
            };
            (None, choices(field).into_iter().map(choice).collect())
        }
        FieldKind::Text(example) => {
            let of_field = restrictions(selection).into_iter().filter(|it| it.slug == field.name);
            let choice = |value: Value| Choice {
                label: text_of(field.name, &value, names),
                value: value.code,
                is_chosen: true,
            };
            (Some(example), of_field.flat_map(|it| it.values).map(choice).collect())
        }
    };
    Shown {
        name: field.name,
        label: field.label,
        choices,
        example,
        list: match field.name {
            "region" => "regions",
            "departement" => "departements",
            name if Kind::of_parameter(name).is_some_and(|kind| !names.listed(kind).is_empty()) => name,
            _ => "",
        },
        typed: problem.map(|problem| problem.found.clone()).unwrap_or_default(),
        error: problem.map(|problem| problem.message.clone()).unwrap_or_default(),
    }
}

fn text_of(field: &str, value: &Value, names: &Names) -> String {
    let name = Kind::of_parameter(field).and_then(|kind| names.get(kind, &value.code));
    name.map_or_else(|| value.text().into_owned(), str::to_owned)
}

/// The chosen values other than the days, each with the address without it.
fn chips(address: &Address, names: &Names) -> Vec<Chip> {
    let parameters = address.parameters();
    let chip = |label: &'static str, name: &str, slug: &str, text: String| {
        let is_other = |(known, value): &&(&'static str, String)| *known != name || value != slug;
        let others: Vec<_> = parameters.iter().filter(is_other).cloned().collect();
        let query = crate::address::query_of(&others);
        Chip { label, text, without: if query.is_empty() { "/".to_owned() } else { format!("/?{query}") } }
    };
    let chips = restrictions(&address.selection).into_iter().flat_map(|restriction| {
        let (label, name) = (restriction.one, restriction.slug);
        let chips = restriction.values.into_iter().map(move |value| (label, name, value));
        chips.collect::<Vec<_>>()
    });
    chips.map(|(label, name, value)| chip(label, name, &value.slug, text_of(name, &value, names))).collect()
}
