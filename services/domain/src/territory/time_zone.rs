//! The time zone of a department, which defines "today" at the place of a CRA.
//!
//! The rule lists the overseas departments and collectivities; all others have the time of Paris. The zones come from
//! the compiled-in database, never from the machine, so that every process computes the same calendar date. The
//! Marquesas use the time of Tahiti here.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{DepartmentId, communes};

const PARIS: &str = "Europe/Paris";

const OVERSEAS: [(&str, &str); 13] = [
    ("971", "America/Guadeloupe"),
    ("972", "America/Martinique"),
    ("973", "America/Cayenne"),
    ("974", "Indian/Reunion"),
    ("975", "America/Miquelon"),
    ("976", "Indian/Mayotte"),
    ("977", "America/St_Barthelemy"),
    ("978", "America/Marigot"),
    ("984", "UTC"),
    ("986", "Pacific/Wallis"),
    ("987", "Pacific/Tahiti"),
    ("988", "Pacific/Noumea"),
    ("989", "UTC"),
];

struct Zones {
    paris: TimeZone,
    overseas: [TimeZone; OVERSEAS.len()],
}

/// The time zone of a department or overseas collectivity, by its code; any other text has the time of Paris.
#[must_use]
pub fn time_zone(department: &str) -> &'static TimeZone {
    static ZONES: LazyLock<Zones> =
        LazyLock::new(|| Zones { paris: bundled(PARIS), overseas: OVERSEAS.map(|(_, name)| bundled(name)) });
    let overseas = OVERSEAS.iter().position(|(code, _)| *code == department);
    overseas.map_or(&ZONES.paris, |position| &ZONES.overseas[position])
}

/// The time zone of a department: [`time_zone`] of its code.
#[must_use]
pub(crate) fn time_zone_of(department: DepartmentId) -> &'static TimeZone {
    static ZONES: LazyLock<Vec<&'static TimeZone>> =
        LazyLock::new(|| communes().departments().iter().map(|it| time_zone(it.code())).collect());
    ZONES[usize::from(department.index())]
}

/// Falls back to UTC for a name that the database lacks; a test checks that it lacks none.
fn bundled(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_zone_is_in_the_database() {
        let database = TimeZoneDatabase::bundled();
        for name in OVERSEAS.iter().map(|(_, name)| *name).chain([PARIS]) {
            assert!(database.get(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_department_has_the_zone_of_its_people() {
        let name_of = |department| time_zone(department).iana_name().map(str::to_owned);
        assert_eq!(name_of("987").as_deref(), Some("Pacific/Tahiti"));
        assert_eq!(name_of("977").as_deref(), Some("America/St_Barthelemy"));
        assert_eq!(name_of("974").as_deref(), Some("Indian/Reunion"));
        assert_eq!(name_of("984").as_deref(), Some("UTC"));
        assert_eq!(name_of("75").as_deref(), Some("Europe/Paris"));
        assert_eq!(name_of("2A").as_deref(), Some("Europe/Paris"));
    }

    #[test]
    fn every_department_has_the_zone_of_its_code() {
        for department in communes().departments() {
            assert_eq!(time_zone_of(department.id()), time_zone(department.code()), "{}", department.name());
        }
        for commune in communes().all() {
            assert_eq!(communes().department_of(commune.id()), commune.department_id(), "{}", commune.name());
        }
    }

    #[test]
    fn one_instant_is_two_civil_days() {
        let instant: Timestamp = "2023-01-01T00:30:00Z".parse().unwrap();
        let day_in = |department| time_zone(department).to_datetime(instant).date().to_string();
        assert_eq!(day_in("75"), "2023-01-01");
        assert_eq!(day_in("987"), "2022-12-31");
        assert_eq!(day_in("988"), "2023-01-01");
    }
}
