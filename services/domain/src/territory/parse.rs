//! Parses `data/communes.tsv` into the table.
//!
//! Checks what the lookups rely on: sorted codes, existing references, postal codes of 5 digits. Completeness and truth
//! of the data are checked by tests over the table, as far as possible.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::buckets::Buckets;
use super::ids::{CommuneId, DepartmentId, EpciId, RegionId};
use super::table::{
    Commune, Communes, Department, Epci, Former, FormerName, Merged, POSTAL_CODES, Region, find,
    postal_number,
};

/// A line of the file that cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub(super) struct Malformed {
    /// Counted from 1.
    line: usize,
    problem: Problem,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("unknown kind of row")]
    Kind,
    #[error("too few or too many columns")]
    Columns,
    #[error("its code is not after the one before")]
    Order,
    #[error("it names a territory that is not above it")]
    Reference,
    #[error("the population is not a number")]
    Population,
    #[error("a postal code is not 5 digits")]
    PostalCode,
    #[error("more rows of this kind than an index can hold")]
    TooMany,
}

pub(super) fn parse(text: &'static str) -> Result<Communes, Malformed> {
    let mut rows = Rows::default();
    for (position, line) in text.lines().enumerate() {
        if line.starts_with('#') {
            continue;
        }
        rows.read(line).map_err(|problem| Malformed { line: position + 1, problem })?;
    }
    Ok(rows.into_communes(text))
}

#[derive(Default)]
struct Rows {
    regions: Vec<Region>,
    departments: Vec<Department>,
    epcis: Vec<Epci>,
    /// Every commune looks one up: a search in the list took half of the parsing time.
    epci_of_code: HashMap<&'static str, EpciId>,
    communes: Vec<Commune>,
    arrondissements: Vec<CommuneId>,
    merged: Vec<Merged>,
    former: Vec<Former>,
    former_names: Vec<FormerName>,
    postal_codes: Vec<(usize, CommuneId)>,
}

impl Rows {
    fn read(&mut self, line: &'static str) -> Result<(), Problem> {
        let (kind, rest) = line.split_once('\t').ok_or(Problem::Columns)?;
        match kind {
            "R" => self.read_region(rest),
            "D" => self.read_department(rest),
            "E" => self.read_epci(rest),
            "C" | "A" => self.read_commune(kind == "A", rest),
            "H" => self.read_merged(rest),
            "F" => self.read_former(rest),
            "N" | "L" => self.read_former_name(rest),
            "W" => self.read_aspirated_h(rest),
            _ => Err(Problem::Kind),
        }
    }

    fn read_region(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [code, name] = columns(rest)?;
        ascending(self.regions.last().map(Region::code), code)?;
        let id = RegionId::from_position(self.regions.len()).ok_or(Problem::TooMany)?;
        self.regions.push(Region { id, code, name });
        Ok(())
    }

    fn read_department(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [code, region, name] = columns(rest)?;
        ascending(self.departments.last().map(Department::code), code)?;
        let id = DepartmentId::from_position(self.departments.len()).ok_or(Problem::TooMany)?;
        let region = find(&self.regions, region, |region| region.code).ok_or(Problem::Reference)?;
        self.departments.push(Department { id, code, name, region: region.code, region_id: region.id });
        Ok(())
    }

    fn read_epci(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [code, name] = columns(rest)?;
        ascending(self.epcis.last().map(Epci::code), code)?;
        let id = EpciId::from_position(self.epcis.len()).ok_or(Problem::TooMany)?;
        self.epcis.push(Epci { id, code, name });
        self.epci_of_code.insert(code, id);
        Ok(())
    }

    /// `belongs_to` is the commune of an arrondissement, or the EPCI of a commune.
    fn read_commune(&mut self, is_arrondissement: bool, rest: &'static str) -> Result<(), Problem> {
        let [code, name, department, belongs_to, population, postal_codes] = columns(rest)?;
        ascending(self.communes.last().map(Commune::code), code)?;
        let id = CommuneId::from_position(self.communes.len()).ok_or(Problem::TooMany)?;
        let department = self.department(department)?;
        let (parent, epci_id) = if is_arrondissement {
            let parent = self.commune(belongs_to)?;
            (Some(parent.id), parent.epci_id)
        } else {
            (None, self.optional_epci(belongs_to)?)
        };
        let commune = Commune {
            id,
            code,
            name,
            department: department.code,
            department_id: department.id,
            region: department.region,
            region_id: department.region_id,
            epci: epci_id.map(|epci| self.epcis[usize::from(epci.index())].code),
            epci_id,
            population: optional_number(population)?,
            parent,
            postal_codes: postal_codes.split_ascii_whitespace().collect(),
            aspirated_h: false,
        };
        for postal_code in &commune.postal_codes {
            let number = postal_number(postal_code).ok_or(Problem::PostalCode)?;
            self.postal_codes.push((number, id));
        }
        if is_arrondissement {
            self.arrondissements.push(id);
        }
        self.communes.push(commune);
        Ok(())
    }

    fn read_merged(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [code, name, today] = columns(rest)?;
        ascending(self.merged.last().map(|merged| merged.code), code)?;
        let today = self.commune(today)?.id;
        self.merged.push(Merged { code, name, today });
        Ok(())
    }

    fn read_former(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [code, today] = columns(rest)?;
        ascending(self.former.last().map(|former| former.code), code)?;
        let today = self.commune(today)?.id;
        self.former.push(Former { code, today });
        Ok(())
    }

    fn read_former_name(&mut self, rest: &'static str) -> Result<(), Problem> {
        let [today, name, postal_codes] = columns(rest)?;
        let today = self.commune(today)?.id;
        let postal_codes: Box<[_]> = postal_codes.split_ascii_whitespace().collect();
        if postal_codes.iter().any(|postal_code| postal_number(postal_code).is_none()) {
            return Err(Problem::PostalCode);
        }
        self.former_names.push(FormerName { name, today, postal_codes });
        Ok(())
    }

    fn read_aspirated_h(&mut self, codes: &'static str) -> Result<(), Problem> {
        for code in codes.split_ascii_whitespace() {
            let id = self.commune(code)?.id;
            self.communes[id.position()].aspirated_h = true;
        }
        Ok(())
    }

    fn department(&self, code: &str) -> Result<&Department, Problem> {
        // Rows are sorted by code, so the department is nearly always that of the previous row.
        let before =
            self.communes.last().map(|commune| &self.departments[usize::from(commune.department_id.index())]);
        match before {
            Some(department) if department.code == code => Ok(department),
            _ => find(&self.departments, code, |department| department.code).ok_or(Problem::Reference),
        }
    }

    fn commune(&self, code: &str) -> Result<&Commune, Problem> {
        find(&self.communes, code, |commune| commune.code).ok_or(Problem::Reference)
    }

    fn optional_epci(&self, code: &str) -> Result<Option<EpciId>, Problem> {
        if code.is_empty() {
            return Ok(None);
        }
        self.epci_of_code.get(code).copied().map(Some).ok_or(Problem::Reference)
    }

    fn into_communes(self, text: &'static str) -> Communes {
        let merged = self.merged.iter().map(|merged| (merged.today, merged.name));
        let former = self.former_names.iter().map(|former| (former.today, former.name));
        let mut other_names: Vec<_> = merged.chain(former).collect();
        other_names.sort_unstable();
        let postal_codes = |(position, former): (usize, &FormerName)| {
            former.postal_codes.iter().map(move |code| (*code, position)).collect::<Vec<_>>()
        };
        let mut former_at: Vec<_> = self.former_names.iter().enumerate().flat_map(postal_codes).collect();
        former_at.sort_unstable();
        Communes {
            text,
            regions: self.regions,
            departments: self.departments,
            epcis: self.epcis,
            rows: self.communes,
            arrondissements: self.arrondissements,
            merged: self.merged,
            former: self.former,
            former_names: self.former_names,
            former_at,
            other_names,
            by_postal_code: Buckets::new(POSTAL_CODES, &self.postal_codes),
            names: OnceLock::new(),
            fingerprint: OnceLock::new(),
            by_code: OnceLock::new(),
            departments_of: OnceLock::new(),
            of_department: OnceLock::new(),
            of_epci: OnceLock::new(),
        }
    }
}

/// Splits a row into exactly `N` columns.
fn columns<const N: usize>(rest: &'static str) -> Result<[&'static str; N], Problem> {
    let mut columns = [""; N];
    let mut start = 0;
    for (column, slot) in columns.iter_mut().enumerate() {
        let remaining = &rest[start..];
        // Columns are short: a byte loop is faster than `split`.
        let tab = remaining.bytes().position(|byte| byte == b'\t');
        let is_last = column + 1 == N;
        *slot = match tab {
            Some(tab) if !is_last => &remaining[..tab],
            None if is_last => remaining,
            _ => return Err(Problem::Columns),
        };
        start += slot.len() + 1;
    }
    Ok(columns)
}

fn ascending(before: Option<&str>, code: &str) -> Result<(), Problem> {
    if before.is_none_or(|before| before < code) { Ok(()) } else { Err(Problem::Order) }
}

fn optional_number(text: &str) -> Result<Option<u32>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Problem::Population)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "# a comment\nR\t84\tAuvergne-Rhône-Alpes\nD\t01\t84\tAin\nE\t200040350\tCC Bugey Sud\n";

    fn read(rows: &str) -> Result<Communes, Malformed> {
        parse(Box::leak(format!("{HEAD}{rows}").into_boxed_str()))
    }

    fn problem(rows: &str) -> (usize, Problem) {
        let malformed = read(rows).expect_err(rows);
        (malformed.line, malformed.problem)
    }

    #[test]
    fn a_row_is_read_with_its_territories() {
        let communes =
            read("C\t01015\tArboys en Bugey\t01\t200040350\t710\t01300\nF\t01340\t01015\n").unwrap();
        let commune = communes.get(communes.resolve("01340").unwrap());
        assert_eq!((commune.code(), commune.name()), ("01015", "Arboys en Bugey"));
        assert_eq!((commune.department(), commune.region()), ("01", "84"));
        assert_eq!((commune.epci(), commune.population()), (Some("200040350"), Some(710)));
        assert_eq!(commune.single_postal_code(), Some("01300"));
    }

    #[test]
    fn a_malformed_row_is_reported_with_its_line() {
        assert_eq!(problem("X\t1\n"), (5, Problem::Kind));
        assert_eq!(problem("C\n"), (5, Problem::Columns));
        assert_eq!(problem("F\t01340\n"), (5, Problem::Columns));
        assert_eq!(problem("F\t01340\t01015\t\n"), (5, Problem::Columns));
        assert_eq!(problem("F\t01340\t01015\n"), (5, Problem::Reference));
        assert_eq!(problem("C\t01015\tA\t02\t\t\t\n"), (5, Problem::Reference));
        assert_eq!(problem("C\t01015\tA\t01\t9\t\t\n"), (5, Problem::Reference));
        assert_eq!(problem("C\t01015\tA\t01\t\tmany\t\n"), (5, Problem::Population));
        assert_eq!(problem("C\t01015\tA\t01\t\t\t0130\n"), (5, Problem::PostalCode));
        assert_eq!(problem("C\t01015\tA\t01\t\t\t\nN\t01015\tB\t0130\n"), (6, Problem::PostalCode));
        assert_eq!(problem("N\t01015\tB\t\n"), (5, Problem::Reference));
        assert_eq!(problem("C\t01015\tA\t01\t\t\t\nC\t01001\tB\t01\t\t\t\n"), (6, Problem::Order));
    }
}
