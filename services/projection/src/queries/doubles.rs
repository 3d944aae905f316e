//! CRAs that are probably one session recorded twice, newest first, in pages. Two passes over the facts in memory need
//! little additional memory: a bit table records which digests of contents occur more than once, and only facts with
//! these are kept. Facts on disk are read only for the pairs of a page, and for the times of older forms in the older
//! system.

use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cra_contracts::v1;
use cra_domain::selection::Selection;
use hashbrown::{DefaultHashBuilder, HashMap};
use prost::Message as _;

use super::page::PAGE_BYTES_MAX;
use super::scan::Scan;
use super::{QueryError, Snapshot};
use crate::store::{Session, StoreError};
use cra_analytics::dictionary::Kind;
use cra_analytics::doubles::{Content, Equal, Pair, digest, pairs};
use cra_analytics::packed_fact::FactRef;

/// Maximum number of facts that a page reads from disk; then it ends early.
const FACTS_READ_MAX: usize = 20_000;

/// A page of pairs.
#[derive(Clone, Debug, PartialEq)]
pub struct DoublesPage {
    /// The pairs.
    pub doubles: Vec<v1::LikelyDouble>,
    /// Start of the next page, if there is one: maximum position of the later CRA of a pair.
    pub next: Option<u64>,
}

/// The pairs of a selection at a snapshot whose later CRA is at position `first` or before, at most `doubles_max`.
pub async fn doubles(
    selection: Arc<Selection>,
    first: Option<u64>,
    doubles_max: usize,
    snapshot: Snapshot,
) -> Result<DoublesPage, QueryError> {
    Scan::run(snapshot, move |scan| {
        let alike = alike(scan, &selection)?;
        let search = Search { scan, session: scan.session()?, alike, first: first.unwrap_or(u64::MAX) };
        search.page(doubles_max)
    })
    .await
}

/// A fact whose content may equal that of another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Alike {
    digest: u64,
    from: u64,
}

/// The facts of the selection that share their digest with others, by digest, then by position.
fn alike(scan: &Scan, selection: &Selection) -> Result<Vec<Alike>, QueryError> {
    let hasher = DefaultHashBuilder::default();
    let digests = Digests::of_facts(scan.snapshot.facts.positions());
    let mark = |(): &mut (), _, fact: FactRef<'_>| digests.mark(digest(&fact, &hasher));
    scan.count(selection, || (), mark, |(), ()| ())?;
    let keep = |alike: &mut Vec<Alike>, from, fact: FactRef<'_>| {
        let digest = digest(&fact, &hasher);
        if digests.came_twice(digest) {
            alike.push(Alike { digest, from });
        }
    };
    let mut alike = scan.count(selection, Vec::new, keep, Vec::extend)?;
    alike.sort_unstable();
    Ok(alike)
}

/// Two bits per digest: whether it occurred, and whether it occurred again.
struct Digests(Vec<AtomicU64>);

impl Digests {
    const PLACES_PER_FACT: usize = 8;
    const PLACES_PER_WORD: usize = 32;

    fn of_facts(facts: usize) -> Self {
        let words = (facts * Self::PLACES_PER_FACT).div_ceil(Self::PLACES_PER_WORD).next_power_of_two();
        Self((0..words).map(|_| AtomicU64::new(0)).collect())
    }

    fn mark(&self, digest: u64) {
        let (word, bit) = self.place(digest);
        if word.fetch_or(bit, Ordering::Relaxed) & bit != 0 {
            word.fetch_or(bit << 1, Ordering::Relaxed);
        }
    }

    fn came_twice(&self, digest: u64) -> bool {
        let (word, bit) = self.place(digest);
        word.load(Ordering::Relaxed) & (bit << 1) != 0
    }

    fn place(&self, digest: u64) -> (&AtomicU64, u64) {
        let [high, low] = [digest >> 32, digest & u64::from(u32::MAX)];
        // The number of words is a power of two; below 2^32, as is the number of positions.
        let word = usize::try_from(high).unwrap_or(0) & (self.0.len() - 1);
        (&self.0[word], 1 << (low % Self::PLACES_PER_WORD as u64 * 2))
    }
}

/// The next candidate at the latest position: facts to compare, or a pair.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Pair {
        earlier: u64,
    },
    /// The group of equal digests from this index.
    Alike {
        start: usize,
    },
}

struct Search<'a> {
    scan: &'a Scan,
    session: Session,
    alike: Vec<Alike>,
    first: u64,
}

impl Search<'_> {
    /// Compares facts only as far as the page needs: the latest position first.
    fn page(&self, doubles_max: usize) -> Result<DoublesPage, QueryError> {
        let mut next = self.all_alike();
        let mut page = DoublesPage { doubles: Vec::new(), next: None };
        let (mut bytes, mut facts_read, mut compared) = (0, 0, 0);
        while let Some((position, what)) = next.pop() {
            match what {
                Next::Alike { start } => {
                    if facts_read > FACTS_READ_MAX {
                        page.next = Some(position);
                        break;
                    }
                    self.scan.check(compared)?;
                    compared += 1;
                    for Pair { earlier, later } in self.pairs_from(start, &mut facts_read)? {
                        if later <= self.first {
                            next.push((later, Next::Pair { earlier }));
                        }
                    }
                }
                Next::Pair { earlier } => {
                    let double = v1::LikelyDouble {
                        earlier: Some(self.recorded(earlier)?),
                        later: Some(self.recorded(position)?),
                    };
                    bytes += double.encoded_len();
                    let has_room = bytes <= PAGE_BYTES_MAX || page.doubles.is_empty();
                    if page.doubles.len() == doubles_max || !has_room {
                        page.next = Some(position);
                        break;
                    }
                    page.doubles.push(double);
                }
            }
        }
        Ok(page)
    }

    /// Start of each group of equal digests, by the latest of its positions within the page.
    fn all_alike(&self) -> BinaryHeap<(u64, Next)> {
        let mut start = 0;
        let runs = self.alike.chunk_by(|a, b| a.digest == b.digest).filter_map(|run| {
            let begun = start;
            start += run.len();
            let until = run.partition_point(|fact| fact.from <= self.first);
            let latest = run[..until].last().filter(|_| run.len() > 1)?;
            Some((latest.from, Next::Alike { start: begun }))
        });
        runs.collect()
    }

    /// The pairs among the facts of one digest.
    fn pairs_from(&self, start: usize, facts_read: &mut usize) -> Result<Vec<Pair>, QueryError> {
        let digest = self.alike[start].digest;
        let run = self.alike[start..].iter().take_while(|fact| fact.digest == digest);
        let mut by_content: HashMap<Content, Vec<(u64, FactRef<'_>)>> = HashMap::new();
        {
            let dictionary = self.scan.snapshot.generation.dictionary().read();
            for Alike { from, .. } in run {
                if let Some(fact) = self.scan.snapshot.facts.fact(*from) {
                    by_content.entry(Content::of(&fact, &dictionary)).or_default().push((*from, fact));
                }
            }
        }
        let mut found = Vec::new();
        for facts in by_content.into_values().filter(|facts| facts.len() > 1) {
            let activity = facts[0].1.activity_key().activity();
            let equals = facts.iter().map(|(from, fact)| self.equal(*from, fact, facts_read));
            found.extend(pairs(equals.collect::<Result<_, _>>()?, activity));
        }
        Ok(found)
    }

    /// When and by whom a fact was recorded: from memory, or from disk if necessary.
    fn equal(&self, position: u64, fact: &FactRef<'_>, facts_read: &mut usize) -> Result<Equal, StoreError> {
        if let Some(client) = fact.client().filter(|_| !fact.fixed().is_legacy) {
            return Ok(Equal { recorded_at: fact.fixed().recorded_at, position, client });
        }
        *facts_read += 1;
        let fact = self.session.fact(position)?;
        let recorded_at = fact.created_at.unwrap_or(fact.recorded_at);
        Ok(Equal { recorded_at, position, client: fact.client })
    }

    fn recorded(&self, position: u64) -> Result<v1::RecordedCra, QueryError> {
        let fact = self.session.fact(position)?;
        let record = Some(self.scan.record(&fact)?);
        let dictionary = self.scan.snapshot.generation.dictionary().read();
        let client_id = dictionary.text(Kind::Client, fact.client);
        let client_id =
            client_id.ok_or_else(|| StoreError::Damaged(format!("the client {}", fact.client)))?;
        Ok(v1::RecordedCra { record, position, client_id: client_id.to_owned() })
    }
}

#[cfg(test)]
#[path = "doubles_tests.rs"]
mod tests;
