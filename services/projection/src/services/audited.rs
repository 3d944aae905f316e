//! Which queries are audited, and what their records contain: those that show CRAs, or figures by advisor or structure.
//! Others reveal nothing about a person.

use cra_contracts::{json, v1};
use cra_domain::selection::Selection;
use cra_runtime::audit::Kind;
use serde_json::{Map, Value};
use tonic::Status;
use uuid::Uuid;

use super::grant::{Grant, Right};

/// Maximum number of members of a selection's list in a record; for longer lists it gives their number.
const MEMBERS_MAX: usize = 50;

impl Grant {
    /// Starts the record of a query, if it is audited. Call it before anything is shown.
    pub(super) fn begins(&self, right: Right, selection: &Selection) -> Result<(), Status> {
        let selection = selection.message();
        let dimensions = match right {
            Right::Reads | Right::FileOfCras => [0; 2],
            Right::Counts { dimensions } if by_person(selection, &dimensions) => dimensions,
            Right::FileOfFigures { dimension } if by_person(selection, &[dimension]) => [dimension, 0],
            _ => return Ok(()),
        };
        self.trail.begin(Kind::Read)?;
        self.trail.about("selection", summary(selection));
        let asked = dimensions.into_iter().filter(|number| *number != 0);
        let asked = asked.filter_map(|number| v1::Dimension::try_from(number).ok());
        let names: Vec<_> = asked.map(|dimension| Value::from(dimension.as_str_name())).collect();
        if !names.is_empty() {
            self.trail.about("dimensions", names);
        }
        Ok(())
    }

    /// Starts the record of a query for one CRA.
    pub(super) fn begins_of(&self, cra_id: Uuid) -> Result<(), Status> {
        self.trail.begin(Kind::Read)?;
        self.trail.about("craId", cra_id.to_string());
        Ok(())
    }
}

/// Whether figures are about single advisors or structures.
fn by_person(selection: &v1::Selection, dimensions: &[i32]) -> bool {
    let persons = [v1::Dimension::Advisor.into(), v1::Dimension::Structure.into()];
    !selection.advisor_ids.is_empty()
        || !selection.structure_ids.is_empty()
        || dimensions.iter().any(|dimension| persons.contains(dimension))
}

/// The fields of a selection: days, codes and ids; of long lists only the first ones.
fn summary(selection: &v1::Selection) -> Map<String, Value> {
    let Value::Object(mut fields) = json::to_value(selection) else { return Map::new() };
    let mut counts = Map::new();
    for (name, field) in &mut fields {
        if let Value::Array(members) = field
            && members.len() > MEMBERS_MAX
        {
            counts.insert(format!("{name}Count"), members.len().into());
            members.truncate(MEMBERS_MAX);
        }
    }
    fields.extend(counts);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_audited_if_an_advisor_or_a_structure_is_named_or_listed() {
        let named = |advisors: &[&str], structures: &[&str]| v1::Selection {
            advisor_ids: advisors.iter().map(ToString::to_string).collect(),
            structure_ids: structures.iter().map(ToString::to_string).collect(),
            ..v1::Selection::default()
        };
        let (advisor, structure) = (v1::Dimension::Advisor.into(), v1::Dimension::Structure.into());
        assert!(by_person(&named(&["a"], &[]), &[]) && by_person(&named(&[], &["s"]), &[0, 0]));
        assert!(by_person(&named(&[], &[]), &[0, advisor]) && by_person(&named(&[], &[]), &[structure, 0]));
        assert!(!by_person(&named(&[], &[]), &[v1::Dimension::Theme.into(), 0]));
    }

    #[test]
    fn a_long_list_is_recorded_with_its_first_members_and_its_length() {
        let advisor_ids = (0..200).map(|number| format!("a{number}")).collect();
        let selection = v1::Selection { advisor_ids, from: "2026-01-01".into(), ..v1::Selection::default() };
        let reported = summary(&selection);
        assert_eq!(reported["advisorIds"].as_array().unwrap().len(), MEMBERS_MAX);
        assert_eq!((&reported["advisorIdsCount"], &reported["from"]), (&200.into(), &"2026-01-01".into()));
        assert!(!summary(&v1::Selection::default()).contains_key("advisorIds"));
    }
}
