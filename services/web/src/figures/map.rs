//! The map of departments in five shades, each for about as many departments, with squares for territories without an
//! outline.

use std::collections::HashMap;

use cra_contracts::v1;
use cra_domain::french;
use cra_domain::territory;

const SHADES: usize = 5;
/// The file of outlines has the departments of metropolitan France.
const OVERSEAS: &str = "9";

pub(super) struct Map {
    pub(super) file: String,
    pub(super) areas: Vec<Area>,
    /// Territories without outline.
    pub(super) squares: Vec<Area>,
    pub(super) legend: Vec<(usize, String)>,
}

/// One department.
pub(super) struct Area {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    /// Shade; 0 for no CRA.
    pub(super) shade: usize,
    pub(super) text: String,
    pub(super) count: String,
}

/// Makes the map of these rows; `None` if nothing is counted.
pub(super) fn map(rows: &[v1::BreakdownRow]) -> Option<Map> {
    let cras = |row: &v1::BreakdownRow| row.statistics.as_ref().map_or(0, |it| it.cras);
    let counts: HashMap<&str, u64> = rows.iter().map(|row| (&*row.code, cras(row))).collect();
    let mut sorted: Vec<_> = counts.values().copied().filter(|count| *count > 0).collect();
    if sorted.is_empty() {
        return None;
    }
    sorted.sort_unstable();
    let bounds = bounds(&sorted);
    let area = |department: &'static territory::Department| {
        let count = counts.get(department.code()).copied().unwrap_or_default();
        Area {
            code: department.code(),
            name: department.name(),
            shade: shade(&bounds, count),
            text: format!("{} : {}", department.name(), french::counted(count, "CRA", "CRA")),
            count: french::thousands(count),
        }
    };
    let all = territory::communes().departments().iter();
    let (areas, mut squares): (Vec<_>, Vec<_>) = all.map(area).partition(|area| is_outlined(area.code));
    squares.retain(|area| area.shade > 0 || !area.code.starts_with("98"));
    Some(Map {
        file: crate::appearance::Appearance::current().map.clone(),
        areas,
        squares,
        legend: legend(&bounds),
    })
}

/// Whether the file of outlines has the department: `95` is in metropolitan France, `974` is not.
fn is_outlined(code: &str) -> bool {
    !(code.len() == 3 && code.starts_with(OVERSEAS))
}

/// The upper bound of each shade. There are fewer shades if the counts are few or equal.
fn bounds(sorted: &[u64]) -> Vec<u64> {
    let last = sorted.len() - 1;
    let mut bounds: Vec<_> = (1..=SHADES).map(|part| sorted[(last * part).div_ceil(SHADES)]).collect();
    bounds.dedup();
    bounds
}

fn shade(bounds: &[u64], count: u64) -> usize {
    if count == 0 {
        return 0;
    }
    let rank = bounds.iter().position(|max| count <= *max).unwrap_or(bounds.len().saturating_sub(1));
    // The last shade is always the darkest.
    rank + 1 + SHADES - bounds.len()
}

fn legend(bounds: &[u64]) -> Vec<(usize, String)> {
    let mut min = 1;
    let mut legend = Vec::new();
    for max in bounds {
        let text = if min == *max {
            french::thousands(*max)
        } else {
            format!("{} à {}", french::thousands(min), french::thousands(*max))
        };
        legend.push((shade(bounds, *max), text));
        min = max + 1;
    }
    legend
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_has_a_shade_and_the_largest_the_darkest() {
        for counts in [vec![1], vec![3, 3, 3], vec![1, 2], (1..=100).collect::<Vec<u64>>()] {
            let bounds = bounds(&counts);
            assert_eq!(shade(&bounds, 0), 0);
            assert_eq!(shade(&bounds, *counts.last().unwrap()), SHADES);
            assert!(counts.iter().all(|count| (1..=SHADES).contains(&shade(&bounds, *count))));
            assert_eq!(legend(&bounds).len(), bounds.len());
        }
    }

    #[test]
    fn every_department_with_an_outline_is_in_the_file() {
        let outlines = include_str!("../../static/departements.svg");
        for department in territory::communes().departments() {
            let code = department.code();
            let is_there = outlines.contains(&format!("id=\"d{code}\""));
            assert_eq!(is_there, is_outlined(code), "{code} {}", department.name());
        }
    }
}
