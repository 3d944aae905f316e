//! Sorts rows by day of activity, then by position, in bounded memory: rows that wait for an earlier day go to an unnamed
//! temporary file, in sorted runs, and are merged from there.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};

use cra_analytics::fact::FactKey;

use crate::queries::QueryError;

/// Size of the part of a run that is in memory.
const READ_BYTES: usize = 32 << 10;
/// Day, position and length in front of each row of a run.
const HEADER_BYTES: usize = 4 + 8 + 4;

/// Rows to be sorted.
pub(super) struct Sorter {
    folder: PathBuf,
    /// Bytes of rows in memory at which [`Sorter::is_full`].
    bytes_max: usize,
    rows: Vec<Row>,
    /// The rows in memory, one after the other.
    bytes: Vec<u8>,
    runs: Vec<Run>,
    spill: Option<Spill>,
}

/// A row in memory.
#[derive(Clone, Copy)]
struct Row {
    key: FactKey,
    start: usize,
    end: usize,
}

/// The temporary file: slots of one size, used again once their run was read.
struct Spill {
    file: File,
    slot_bytes: u64,
    slots: u64,
    free: Vec<u64>,
}

/// Sorted rows in the temporary file.
struct Run {
    /// Its slots, which are adjacent.
    slots: Range<u64>,
    /// What was not read yet.
    unread: Range<u64>,
    buffer: Vec<u8>,
    /// Start of the next row in the buffer.
    at: usize,
    /// The next row; `None` at the end.
    next: Option<(FactKey, usize)>,
}

impl Sorter {
    /// Keeps some bytes of rows in memory, and others in an unnamed file in `folder`.
    pub(super) fn new(folder: &Path, bytes_max: usize) -> Self {
        let (rows, bytes, runs) = (Vec::new(), Vec::new(), Vec::new());
        Self { folder: folder.to_owned(), bytes_max, rows, bytes, runs, spill: None }
    }

    /// Adds a row.
    pub(super) fn push(&mut self, key: FactKey, row: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(row);
        self.rows.push(Row { key, start, end: self.bytes.len() });
    }

    /// Whether rows must be taken before others are added.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() + self.rows.len() * HEADER_BYTES >= self.bytes_max
    }

    /// Calls a function for every row up to a day, in order: no later row may have an earlier key. The others are kept.
    pub(super) fn take_until(
        &mut self,
        day: i32,
        mut take: impl FnMut(&[u8]) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        self.rows.sort_unstable_by_key(|row| row.key);
        let ready = self.rows.partition_point(|row| row.key.day <= day);
        let mut in_memory = self.rows[..ready].iter().peekable();
        let next_of = |(number, run): (usize, &Run)| Some(Reverse((run.next?.0, number)));
        let mut by_key: BinaryHeap<_> = self.runs.iter().enumerate().filter_map(next_of).collect();
        loop {
            let earliest = by_key.peek_mut().filter(|earliest| earliest.0.0.day <= day);
            match (in_memory.peek(), earliest) {
                (Some(row), earliest) if earliest.as_ref().is_none_or(|run| row.key < run.0.0) => {
                    take(&self.bytes[row.start..row.end])?;
                    in_memory.next();
                }
                (_, Some(mut earliest)) => {
                    let run = &mut self.runs[earliest.0.1];
                    take(run.row())?;
                    if let Some(spill) = &mut self.spill {
                        run.advance(&mut spill.file)?;
                    }
                    match run.next {
                        Some((key, _)) => earliest.0.0 = key,
                        None => drop(PeekMut::pop(earliest)),
                    }
                }
                (_, None) => break,
            }
        }
        self.release();
        self.keep_from(ready)
    }

    /// Forgets runs that were read.
    fn release(&mut self) {
        for run in self.runs.extract_if(.., |run| run.next.is_none()) {
            if let Some(spill) = &mut self.spill {
                spill.free.extend(run.slots);
            }
        }
    }

    /// Keeps sorted rows from an index on: in memory if they are few, so that rows that wait shortly are not written.
    fn keep_from(&mut self, first: usize) -> Result<(), QueryError> {
        self.rows.drain(..first);
        let bytes: usize = self.rows.iter().map(|row| HEADER_BYTES + row.end - row.start).sum();
        if bytes > self.bytes_max / 2 {
            self.spill(bytes as u64)?;
            self.rows.clear();
            self.bytes.clear();
            return Ok(());
        }
        self.rows.sort_unstable_by_key(|row| row.start);
        let mut kept = 0;
        for row in &mut self.rows {
            self.bytes.copy_within(row.start..row.end, kept);
            (row.start, row.end) = (kept, kept + row.end - row.start);
            kept = row.end;
        }
        self.bytes.truncate(kept);
        Ok(())
    }

    /// Writes the rows in memory, which are sorted and have so many bytes, to the temporary file.
    fn spill(&mut self, bytes: u64) -> io::Result<()> {
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(Spill {
                file: tempfile::tempfile_in(&self.folder)?,
                slot_bytes: 2 * self.bytes_max as u64,
                slots: 0,
                free: Vec::new(),
            }),
        };
        let slots = spill.slots_for(bytes);
        let start = slots.start * spill.slot_bytes;
        spill.file.seek(SeekFrom::Start(start))?;
        let mut output = BufWriter::with_capacity(READ_BYTES, &spill.file);
        for Row { key, start, end } in &self.rows {
            let length = u32::try_from(end - start).map_err(io::Error::other)?;
            output.write_all(&key.day.to_le_bytes())?;
            output.write_all(&key.from.to_le_bytes())?;
            output.write_all(&length.to_le_bytes())?;
            output.write_all(&self.bytes[*start..*end])?;
        }
        output.flush()?;
        drop(output);
        let unread = start..start + bytes;
        let mut run = Run { slots, unread, buffer: Vec::new(), at: 0, next: None };
        run.advance(&mut spill.file)?;
        self.runs.push(run);
        Ok(())
    }
}

impl Spill {
    /// Slots for so many bytes: more than one only for rows larger than the memory.
    fn slots_for(&mut self, bytes: u64) -> Range<u64> {
        let count = bytes.div_ceil(self.slot_bytes).max(1);
        if count == 1
            && let Some(free) = self.free.pop()
        {
            return free..free + 1;
        }
        self.slots += count;
        self.slots - count..self.slots
    }
}

impl Run {
    fn row(&self) -> &[u8] {
        let length = self.next.map_or(0, |(_, length)| length);
        &self.buffer[self.at..self.at + length]
    }

    /// Goes to the next row.
    fn advance(&mut self, file: &mut File) -> io::Result<()> {
        self.at += self.next.map_or(0, |(_, length)| length);
        if self.at == self.buffer.len() && self.unread.is_empty() {
            self.next = None;
            return Ok(());
        }
        self.hold(HEADER_BYTES, file)?;
        let key = FactKey { day: i32::from_le_bytes(self.array(0)), from: u64::from_le_bytes(self.array(4)) };
        let length = u32::from_le_bytes(self.array(12)) as usize;
        self.at += HEADER_BYTES;
        self.hold(length, file)?;
        self.next = Some((key, length));
        Ok(())
    }

    fn array<const N: usize>(&self, offset: usize) -> [u8; N] {
        std::array::from_fn(|byte| self.buffer[self.at + offset + byte])
    }

    /// Reads until the buffer has so many bytes from the current one on.
    fn hold(&mut self, bytes: usize, file: &mut File) -> io::Result<()> {
        if self.buffer.len() - self.at >= bytes {
            return Ok(());
        }
        self.buffer.drain(..self.at);
        self.at = 0;
        let held = self.buffer.len();
        let wanted = READ_BYTES.max(bytes) - held;
        let available = usize::try_from(self.unread.end - self.unread.start).unwrap_or(usize::MAX);
        self.buffer.resize(held + wanted.min(available), 0);
        file.seek(SeekFrom::Start(self.unread.start))?;
        file.read_exact(&mut self.buffer[held..])?;
        self.unread.start += (self.buffer.len() - held) as u64;
        if self.buffer.len() < bytes {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(key: FactKey, length: usize) -> Vec<u8> {
        let mut row = [key.day.to_le_bytes().as_slice(), &key.from.to_le_bytes()].concat();
        row.resize(12 + length, 7);
        row
    }

    /// Sorts rows that come by position, as a file does; returns them, and the number of slots used.
    fn sorted(rows: &[(i32, usize)], bytes_max: usize) -> (Vec<Vec<u8>>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut sorter = Sorter::new(folder.path(), bytes_max);
        let mut taken = Vec::new();
        for (from, (day, length)) in (1..).zip(rows) {
            let key = FactKey { day: *day, from };
            sorter.push(key, &row(key, *length));
            if sorter.is_full() {
                let later = rows[usize::try_from(from).unwrap()..].iter().map(|(day, _)| *day).min();
                sorter
                    .take_until(later.unwrap_or(i32::MAX), |row| {
                        taken.push(row.to_vec());
                        Ok(())
                    })
                    .unwrap();
            }
        }
        sorter
            .take_until(i32::MAX, |row| {
                taken.push(row.to_vec());
                Ok(())
            })
            .unwrap();
        assert!(sorter.runs.is_empty() && sorter.rows.is_empty());
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "the file has no name");
        (taken, sorter.spill.map_or(0, |spill| spill.slots))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_come_by_day_then_by_position_whatever_the_memory(
            rows in prop::collection::vec((-20..20, prop_oneof![4 => 0_usize..30, 1 => 0_usize..80_000]), 0..300),
            bytes_max in prop_oneof![Just(1_usize), 100_usize..10_000, Just(64 << 20)],
        ) {
            let mut keys: Vec<_> = (1..).zip(&rows).map(|(from, (day, length))| (FactKey { day: *day, from }, *length)).collect();
            keys.sort_unstable();
            let expected: Vec<_> = keys.into_iter().map(|(key, length)| row(key, length)).collect();
            prop_assert!(sorted(&rows, bytes_max).0 == expected);
        }
    }

    #[test]
    fn rows_that_come_almost_in_order_are_not_written() {
        let rows: Vec<_> = (0..10_000).map(|n| (n / 100 - i32::from(n % 7 == 0), 100)).collect();
        assert_eq!(sorted(&rows, 100_000).1, 0);
    }

    #[test]
    fn the_file_grows_with_the_rows_that_wait_only() {
        let wait = |n: i32| if n % 10 == 0 { 30 } else { 0 };
        let slots = |rows: i32| {
            let rows: Vec<_> = (0..rows).map(|n| (n / 100 + wait(n / 3), 100)).collect();
            sorted(&rows, 20_000).1
        };
        assert!(slots(10_000) > 0);
        assert!(slots(40_000) <= slots(10_000) + 1, "{} then {}", slots(10_000), slots(40_000));
    }
}
