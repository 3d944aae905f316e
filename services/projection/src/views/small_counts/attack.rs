//! Somebody who knows every definition of the domain page and how counts are rounded, and tries everything that fits an
//! answer: for each figure, the least and the most that it may be.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use cra_contracts::v1;

/// The least and the most of each figure.
pub(super) type Known = BTreeMap<String, (u64, u64)>;

/// What an answer lets one know.
pub(super) fn attack(shown: &v1::Statistics) -> Known {
    let mut attacker = Attacker { shown, known: Known::new() };
    for cras in attacker.within("cras", shown.cras) {
        for acts in attacker.within("acts", shown.acts) {
            attacker.try_totals(cras, acts);
        }
    }
    attacker.known
}

struct Attacker<'a> {
    shown: &'a v1::Statistics,
    known: Known,
}

/// Parts of a sum, each with its interval.
type Parts = Vec<(String, RangeInclusive<u64>)>;

impl Attacker<'_> {
    fn is_hidden(&self, field: &str) -> bool {
        self.shown.hidden_fields.iter().any(|hidden| hidden == field)
    }

    /// What a rounded count may stand for; a figure that is left out, anything.
    fn within(&self, field: &str, count: u64) -> RangeInclusive<u64> {
        if self.is_hidden(field) { 0..=200 } else { count..=count + self.shown.rounded_to - 1 }
    }

    fn lines(&self, field: &str, lines: &[v1::Count]) -> Option<Parts> {
        let part = |line: &v1::Count| (format!("{field}.{}", line.name), self.within(field, line.count));
        (!self.is_hidden(field)).then(|| lines.iter().map(part).collect())
    }

    fn try_totals(&mut self, cras: u64, acts: u64) {
        let shown = self.shown;
        let of_cras = [self.lines("channels", &shown.channels), self.lines("durations", &shown.durations)];
        let people = (!self.is_hidden("people")).then(|| {
            vec![
                ("people".to_owned(), self.within("people", shown.people)),
                ("returning_people".to_owned(), self.within("returning_people", shown.returning_people)),
            ]
        });
        let of_acts = [self.lines("ages", &shown.ages), self.lines("statuses", &shown.statuses), people];
        let activities = self.activities(cras, acts);
        let follow_ups = self.follow_ups(acts);
        let sums = of_cras.iter().flatten().map(|parts| (parts, cras));
        let sums: Vec<_> = sums.chain(of_acts.iter().flatten().map(|parts| (parts, acts))).collect();
        if activities.is_empty()
            || follow_ups.is_empty()
            || sums.iter().any(|(parts, sum)| !fits(parts, *sum))
        {
            return;
        }
        for (parts, sum) in sums {
            self.learn(parts, sum);
        }
        for (workshops, individual, one_off) in activities {
            let found = [
                ("workshops", workshops),
                ("individual_supports", individual),
                ("one_off_requests", one_off),
            ];
            found.map(|(field, count)| self.take(field, count));
        }
        for (parts, sum) in follow_ups.into_iter().filter(|(parts, _)| !parts.is_empty()) {
            self.take("follow_up.total", sum);
            self.learn(&parts, sum);
            self.redirections(&parts, sum);
        }
        self.take("cras", cras);
        self.take("acts", acts);
    }

    /// Workshops of 2 to 100 people, the others of one each.
    fn activities(&self, cras: u64, acts: u64) -> Vec<(u64, u64, u64)> {
        let shown = self.shown;
        let participants = self.within("workshop_participants", shown.workshop_participants);
        let mut found = Vec::new();
        for workshops in self.within("workshops", shown.workshops) {
            for individual in self.within("individual_supports", shown.individual_supports) {
                let Some(one_off) = cras.checked_sub(workshops + individual) else { break };
                let Some(present) = acts.checked_sub(individual + one_off) else { continue };
                if self.within("one_off_requests", shown.one_off_requests).contains(&one_off)
                    && participants.contains(&present)
                    && (2 * workshops..=100 * workshops).contains(&present)
                {
                    found.push((workshops, individual, one_off));
                }
            }
        }
        found
    }

    /// What is planned, with its sum: at most one thing per person.
    fn follow_ups(&self, acts: u64) -> Vec<(Parts, u64)> {
        let Some(follow_up) = self.shown.follow_up else { return vec![(Vec::new(), 0)] };
        let parts: Parts = [
            ("individual", follow_up.individual),
            ("workshop", follow_up.workshop),
            ("redirected", follow_up.redirected),
        ]
        .map(|(name, count)| (format!("follow_up.{name}"), self.within("follow_up", count)))
        .into();
        let sums = self.within("follow_up", follow_up.total).filter(|sum| *sum <= acts && fits(&parts, *sum));
        sums.map(|sum| (parts.clone(), sum)).collect()
    }

    /// Lines that are not listed may count anything together.
    fn redirections(&mut self, follow_up: &Parts, sum: u64) {
        let Some(mut lines) = self.lines("redirections", &self.shown.redirections) else { return };
        lines.push(("redirections that are not listed".to_owned(), 0..=sum));
        let Some(redirected) = follow_up.iter().position(|(name, _)| name.ends_with("redirected")) else {
            return;
        };
        for redirected in range_of(follow_up, redirected, sum) {
            if fits(&lines, redirected) {
                self.learn(&lines, redirected);
            }
        }
    }

    fn learn(&mut self, parts: &Parts, sum: u64) {
        for (index, (field, _)) in parts.iter().enumerate() {
            let range = range_of(parts, index, sum);
            self.take(field, *range.start());
            self.take(field, *range.end());
        }
    }

    fn take(&mut self, field: &str, count: u64) {
        let known = self.known.entry(field.to_owned()).or_insert((count, count));
        *known = (known.0.min(count), known.1.max(count));
    }
}

fn least(parts: &Parts) -> u64 {
    parts.iter().map(|(_, range)| *range.start()).sum()
}

fn most(parts: &Parts) -> u64 {
    parts.iter().map(|(_, range)| *range.end()).sum()
}

fn fits(parts: &Parts, sum: u64) -> bool {
    parts.is_empty() || (least(parts)..=most(parts)).contains(&sum)
}

/// What one part may be, given the sum and the intervals of the others.
fn range_of(parts: &Parts, index: usize, sum: u64) -> RangeInclusive<u64> {
    let (_, own) = &parts[index];
    let others_least = least(parts) - own.start();
    let others_most = most(parts) - own.end();
    (*own.start()).max(sum.saturating_sub(others_most))..=(*own.end()).min(sum.saturating_sub(others_least))
}
