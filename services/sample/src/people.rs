//! The fictitious advisors: some 40 in 25 structures, each with venues and surrounding communes, some much busier than
//! others. Structures are where people live, including overseas and in the arrondissements of the large cities.

use cra_domain::territory::{self, Commune};

use super::draw::Draw;

const STRUCTURES: usize = 25;
const ADVISORS: usize = 40;
/// Communes that always have a structure, so that every kind of code occurs.
const CHOSEN_COMMUNES: [&str; 7] = ["97411", "97105", "97302", "75118", "69383", "13203", "2A004"];
/// Communes with arrondissements, which are declared instead of the commune.
const DIVIDED_COMMUNES: [&str; 3] = ["75056", "69123", "13055"];
/// Number of other communes that a structure's advisors visit.
const ROUND_COMMUNES: usize = 4;
const VENUES_MAX: u32 = 3;

/// A place as a CRA declares it.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    pub(super) commune_code: &'static str,
    pub(super) postal_code: &'static str,
}

impl Spot {
    fn draw(commune: &Commune, draw: &mut Draw) -> Self {
        let codes = commune.postal_codes();
        let postal_code = if codes.is_empty() { "" } else { draw.one_of(codes) };
        Self { commune_code: commune.code(), postal_code }
    }
}

/// One conseiller numérique.
pub struct Advisor {
    /// The advisor's id.
    pub id: String,
    /// The id of the advisor's structure.
    pub structure_id: String,
    /// Registered venues, with their ids; at least one.
    pub(super) venues: Vec<(String, Spot)>,
    /// Other places that the advisor visits; at least one.
    pub(super) round: Vec<Spot>,
}

pub(super) struct Team(Vec<Advisor>);

impl Team {
    pub(super) fn draw(draw: &mut Draw) -> Self {
        let communes = inhabited();
        let rounds: Vec<_> = (0..STRUCTURES).map(|index| round(index, &communes, draw)).collect();
        let advisors = (0..ADVISORS).map(|index| {
            // One advisor per structure, then a second or third in the first structures.
            let structure = if index < STRUCTURES { index } else { (index - STRUCTURES) % 10 };
            let structure_id = format!("structure-{:03}", structure + 1);
            advisor(index + 1, structure_id, &rounds[structure], draw)
        });
        Self(advisors.collect())
    }

    /// An advisor, weighted by activity: some 25 to 120 CRAs a month.
    pub(super) fn pick(&self, draw: &mut Draw) -> &Advisor {
        let busyness = (0..self.0.len() as u64).map(|rank| 100_000 / (rank + 10));
        &self.0[draw.pick_index(busyness)]
    }
}

/// The inhabited communes and arrondissements, by code.
#[must_use]
pub fn inhabited() -> Vec<&'static Commune> {
    territory::communes().all().iter().filter(|one| is_inhabited(one)).collect()
}

fn is_inhabited(commune: &Commune) -> bool {
    let has_people = commune.population().is_some_and(|people| people > 0);
    has_people && !commune.postal_codes().is_empty() && !DIVIDED_COMMUNES.contains(&commune.code())
}

fn round(structure: usize, communes: &[&'static Commune], draw: &mut Draw) -> Vec<Spot> {
    let chosen = CHOSEN_COMMUNES.get(structure * 3 / 10).filter(|_| (structure * 3) % 10 < 3);
    let chosen = chosen.and_then(|code| communes.iter().find(|commune| commune.code() == *code));
    let home = chosen.copied().unwrap_or_else(|| by_population(communes, draw));
    round_from(home, communes, draw)
}

/// The structure's commune, then others of its department.
pub fn round_from(home: &'static Commune, communes: &[&'static Commune], draw: &mut Draw) -> Vec<Spot> {
    let around: Vec<_> =
        communes.iter().copied().filter(|commune| commune.department() == home.department()).collect();
    let mut round = vec![Spot::draw(home, draw)];
    round.extend((0..ROUND_COMMUNES).map(|_| Spot::draw(by_population(&around, draw), draw)));
    round
}

/// One of the communes, weighted by population.
pub fn by_population(communes: &[&'static Commune], draw: &mut Draw) -> &'static Commune {
    let people = communes.iter().map(|commune| u64::from(commune.population().unwrap_or_default()));
    communes[draw.pick_index(people)]
}

/// An advisor who works in the given communes.
pub fn advisor(number: usize, structure_id: String, round: &[Spot], draw: &mut Draw) -> Advisor {
    let count = draw.between(1, VENUES_MAX);
    let venues = (1..=count).map(|venue| {
        // The first venue is in the structure's commune; the others may be in any of the communes.
        let spot = if venue == 1 { round[0] } else { *draw.one_of(round) };
        (format!("lieu-{number:04}-{venue}"), spot)
    });
    Advisor {
        id: format!("conseiller-{number:04}"),
        structure_id,
        venues: venues.collect(),
        round: round.to_vec(),
    }
}
