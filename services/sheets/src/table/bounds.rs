//! Bounds on a file: a few bytes of a workbook may unpack to gigabytes, or put two cells so far apart that the
//! rectangle between them fills the memory.

use std::io::{self, Cursor, Read as _, Seek};

use calamine::{Cell, Data, Dimensions, Range, Reader as _, Sheets};
use zip::ZipArchive;

use crate::kind::NotRead;

const MIB: u64 = 1_024 * 1_024;
/// First bytes of a workbook from before 2007, whose reader has no bounds.
const OLE: &[u8] = b"\xd0\xcf\x11\xe0";
/// Name of the part with the tables of an ODS file, whose reader repeats cells without bounds.
const OPEN_DOCUMENT: &str = "content.xml";
/// Upper bound on the number of files in a workbook.
const PARTS_MAX: usize = 10_000;

/// How much of a file may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a workbook as stored (compressed). It is read into memory.
    pub workbook_bytes: u64,
    /// Bytes of a text, or of the parts of a workbook, once decompressed; also of the texts of its cells.
    pub unpacked_bytes: u64,
    /// Cells in the bounding rectangles of all sheets.
    pub cells: u64,
    /// Whether XLS and ODS are read, although their readers have no bounds.
    pub reads_unbounded_formats: bool,
}

impl Bounds {
    /// Bounds for a command line that reads its user's own files.
    pub const OF_A_COMMAND: Self = Self {
        workbook_bytes: 256 * MIB,
        unpacked_bytes: u64::MAX,
        cells: 64 * MIB,
        reads_unbounded_formats: true,
    };

    /// Bounds for files that anyone may send, of at most the given number of bytes.
    #[must_use]
    pub fn of_uploads(bytes: u64) -> Self {
        Self {
            workbook_bytes: bytes,
            unpacked_bytes: bytes.saturating_mul(8),
            cells: 2 * MIB,
            reads_unbounded_formats: false,
        }
    }

    /// Refuses a workbook that decompresses to more than the bound. Decompresses it without storing the result.
    pub(super) fn check(&self, bytes: &[u8]) -> Result<(), NotRead> {
        if self.reads_unbounded_formats {
            return Ok(());
        }
        if bytes.starts_with(OLE) {
            return Err(unbounded("XLS"));
        }
        // The workbook reader refuses what is not an archive.
        let Ok(mut archive) = ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
        if archive.len() > PARTS_MAX {
            return Err(too_large());
        }
        let mut remaining = self.unpacked_bytes;
        for part in 0..archive.len() {
            let Ok(part) = archive.by_index(part) else { continue };
            if part.name().is_ok_and(|name| name == OPEN_DOCUMENT) {
                return Err(unbounded("ODS"));
            }
            // The workbook reader refuses a part that ends early.
            let unpacked =
                io::copy(&mut part.take(remaining.saturating_add(1)), &mut io::sink()).unwrap_or_default();
            remaining = remaining.checked_sub(unpacked).ok_or_else(too_large)?;
        }
        Ok(())
    }

    /// Subtracts the cells of a sheet from the bounds and returns them; `None` for a sheet without cells.
    pub(super) fn range<R: io::Read + Seek>(
        &mut self,
        workbook: &mut Sheets<R>,
        name: &str,
    ) -> Result<Option<Range<Data>>, NotRead> {
        let mut cells = Vec::new();
        let mut extent = Extent::default();
        match workbook {
            Sheets::Xlsx(workbook) => {
                let Ok(mut reader) = workbook.worksheet_cells_reader(name) else { return Ok(None) };
                while let Ok(Some(cell)) = reader.next_cell() {
                    let cell = Cell::new(cell.get_position(), Data::from(cell.get_value().clone()));
                    self.take(&mut extent, &cell)?;
                    cells.push(cell);
                }
            }
            Sheets::Xlsb(workbook) => {
                let Ok(mut reader) = workbook.worksheet_cells_reader(name) else { return Ok(None) };
                while let Ok(Some(cell)) = reader.next_cell() {
                    let cell = Cell::new(cell.get_position(), Data::from(cell.get_value().clone()));
                    self.take(&mut extent, &cell)?;
                    cells.push(cell);
                }
            }
            // `check` refused such a file if bounds apply.
            Sheets::Xls(_) | Sheets::Ods(_) => return Ok(workbook.worksheet_range(name).ok()),
        }
        self.cells = self.cells.checked_sub(extent.cells()).ok_or_else(too_large)?;
        Ok(Some(Range::from_sparse(cells)))
    }

    fn take(&mut self, extent: &mut Extent, cell: &Cell<Data>) -> Result<(), NotRead> {
        extent.add(cell.get_position());
        let text = match cell.get_value() {
            Data::String(text) => text.len() as u64,
            _ => 0,
        };
        self.unpacked_bytes = self.unpacked_bytes.checked_sub(text).ok_or_else(too_large)?;
        if extent.cells() > self.cells { Err(too_large()) } else { Ok(()) }
    }
}

/// Bounding rectangle of the cells.
#[derive(Default)]
struct Extent(Option<Dimensions>);

impl Extent {
    fn add(&mut self, (row, column): (u32, u32)) {
        let Dimensions { start, end } =
            self.0.unwrap_or(Dimensions { start: (row, column), end: (row, column) });
        self.0 = Some(Dimensions {
            start: (start.0.min(row), start.1.min(column)),
            end: (end.0.max(row), end.1.max(column)),
        });
    }

    fn cells(&self) -> u64 {
        let length = |from: u32, to: u32| u64::from(to - from) + 1;
        self.0.map_or(0, |Dimensions { start, end }| length(start.0, end.0) * length(start.1, end.1))
    }
}

fn too_large() -> NotRead {
    NotRead::unusable(
        "it decompresses to more than the limit: save the table as CSV",
        "Ce classeur contient trop de données pour être lu : gardez-y le tableau seul, ou enregistrez-le au format CSV.",
    )
}

fn unbounded(format: &str) -> NotRead {
    NotRead::unusable(
        format!("{format} is not supported: save it as XLSX or CSV"),
        format!("Le format {format} n'est pas lu ici : enregistrez le tableau au format XLSX ou CSV."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::workbook::Workbook;

    fn opened(fill: impl FnOnce(&mut rust_xlsxwriter::Worksheet), bounds: Bounds) -> Result<(), String> {
        let mut workbook = rust_xlsxwriter::Workbook::new();
        let sheet = workbook.add_worksheet();
        for (column, heading) in (0..).zip(["Date", "Conseiller", "Structure", "Canal"]) {
            sheet.write(0, column, heading).unwrap();
        }
        fill(sheet);
        let bytes = workbook.save_to_buffer().unwrap();
        Workbook::open(bytes, bounds).map(|_| ()).map_err(|fault| fault.french().to_owned())
    }

    #[test]
    fn a_workbook_of_ordinary_size_is_read_and_one_that_grows_in_memory_is_refused() {
        let uploads = Bounds::of_uploads(MIB);
        assert_eq!(opened(|_| {}, uploads), Ok(()));
        // Two cells with 17 thousand million between them.
        let far = |sheet: &mut rust_xlsxwriter::Worksheet| {
            sheet.write(1_048_575, 16_383, "x").unwrap();
        };
        assert!(opened(far, uploads).unwrap_err().contains("trop de données"));
        // 30 KB that decompress to 20 MB.
        let bomb = |sheet: &mut rust_xlsxwriter::Worksheet| {
            for row in 1..800 {
                sheet.write(row, 0, "a".repeat(32_000)).unwrap();
            }
        };
        assert!(opened(bomb, uploads).unwrap_err().contains("trop de données"));
    }

    #[test]
    fn the_text_of_cells_counts_each_time_that_it_is_shown() {
        // One text of 32,000 letters that 300 cells share.
        let shared = |sheet: &mut rust_xlsxwriter::Worksheet| {
            for row in 1..300 {
                sheet.write(row, 0, "a".repeat(32_000)).unwrap();
            }
        };
        assert!(opened(shared, Bounds::of_uploads(MIB)).unwrap_err().contains("trop de données"));
    }

    #[test]
    fn formats_whose_readers_have_no_bounds_are_refused_of_uploads() {
        let ole = [OLE, b"\xa1\xb1\x1a\xe1", &[0; 600]].concat();
        let refused = Workbook::open(ole, Bounds::of_uploads(MIB)).map(|_| ()).unwrap_err();
        assert!(refused.french().contains("XLS n'est pas lu"), "{}", refused.french());
    }
}
