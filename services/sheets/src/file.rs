//! Opens a file of items: plain, gzip or zstd; JSON, a table or a workbook; in any encoding. The first bytes determine
//! the format, never the name. `-` is standard input. Several gzip members or zstd frames in a row are one text. Any
//! other format is refused with a message of one line. A separate thread reads the items, a bounded number ahead.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use tokio::sync::{mpsc, oneshot};

pub use super::encoding::Found;
use super::encoding::Utf8;
pub use super::kind::NotRead;
use super::kind::{self, Kind};
use super::source::{self, Parse};
pub use super::table::bounds::Bounds;
use super::table::row::Row;
use super::table::workbook::Workbook;
use super::table::{Headings, Table};
use super::{Item, Unsent};

/// Size of the buffers in front of the decompressor and behind it.
const BUFFER_BYTES: usize = 64 * 1_024;
/// Number of bytes needed to detect the format of a file that arrives in parts.
const START_BYTES_MIN: usize = 16;

/// Number of items that are read ahead of the stream.
const READ_AHEAD: usize = 64;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Magic number of a skippable zstd frame, such as the seek table of a seekable file; the lower half of the first byte
/// varies.
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// A JSON text, decoded to UTF-8.
pub type Text = Box<dyn BufRead + Send>;

/// An opened file and its content: a JSON text, unless the command also accepts tables.
pub struct Opened<T = Text> {
    content: T,
    /// Metadata of a file that can be read again. `None` for standard input and other pipes.
    pub metadata: Option<Metadata>,
    encoding: Found,
    meter: Meter,
    holds_older_documents: bool,
}

/// Content of a file.
pub enum Content {
    /// One object per line, an array, or objects laid out over lines.
    Json(Text),
    /// Rows below headings.
    Table(Table),
}

impl<T> Opened<T> {
    /// Length of the file as stored (compressed). `None` if the end is unknown.
    pub fn length(&self) -> Option<u64> {
        self.metadata.as_ref().map(Metadata::len)
    }

    /// The encoding of the text; known once the text was read.
    pub fn encoding(&self) -> Found {
        self.encoding.clone()
    }
}

impl Opened<Content> {
    /// Returns the content, to read it.
    #[must_use]
    pub fn into_content(self) -> Content {
        self.content
    }

    /// The content, without taking it out of the file.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Whether the file begins with a document of the older system.
    #[must_use]
    pub fn holds_older_documents(&self) -> bool {
        self.holds_older_documents
    }
}

/// The items of a file, sent while they are read.
pub struct Items<T> {
    /// Items in the order of the file.
    pub items: mpsc::Receiver<Item<T>>,
    /// Result of the reading, after its end.
    pub ended: oneshot::Receiver<io::Result<()>>,
}

/// Reads the items after the first `skipped`.
pub fn items<T: Send + 'static>(opened: Opened, parse: Parse<T>, skipped: u64) -> Items<T> {
    let Opened { content: text, meter, .. } = opened;
    let mut to_skip = skipped;
    spawned(meter, move |each| {
        source::read(text, parse, |item| {
            if to_skip > 0 {
                to_skip -= 1;
                return ControlFlow::Continue(());
            }
            each(item)
        })
    })
}

/// Reads the items of JSON or of a table. The headings are empty until the table is read.
pub fn items_of_any<T: Send + 'static>(
    opened: Opened<Content>,
    parse: Parse<T>,
    mut of_row: impl FnMut(Row) -> Result<T, String> + Send + 'static,
) -> (Items<T>, Headings) {
    let Opened { content, meter, .. } = opened;
    let headings = Headings::default();
    let table_headings = headings.clone();
    let items = match content {
        Content::Json(text) => spawned(meter, move |each| source::read(text, parse, each)),
        Content::Table(table) => spawned(meter, move |each| {
            table.read(&table_headings, &mut |location, row| {
                let row = row.map_err(|fault| fault.to_string());
                let content = row.and_then(&mut of_row).map_err(Unsent::from);
                each(Item { location, bytes_read: 0, content })
            })
        }),
    };
    (items, headings)
}

/// Reads on a thread that is never joined, because a terminal may block it forever.
fn spawned<T: Send + 'static>(
    meter: Meter,
    read: impl FnOnce(&mut dyn FnMut(Item<T>) -> ControlFlow<()>) -> io::Result<()> + Send + 'static,
) -> Items<T> {
    let (sender, items) = mpsc::channel(READ_AHEAD);
    let (ended_sender, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let read = read(&mut |item| {
            // Bytes of the compressed file, so that the progress ends at the file's length.
            let item = Item { bytes_read: meter.bytes_read(), ..item };
            match sender.blocking_send(item) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        let _ = ended_sender.send(read);
    });
    Items { items, ended }
}

/// Counts the bytes that were read of the file as stored (compressed). Clones share the count.
#[derive(Clone, Debug, Default)]
struct Meter(Arc<AtomicU64>);

impl Meter {
    fn bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Name of the file in messages.
#[must_use]
pub fn name_of(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// Opens a file of JSON. An error says why it cannot be read.
pub fn open(path: &Path) -> anyhow::Result<Opened> {
    let Opened { content, metadata, encoding, meter, holds_older_documents } = open_any(path)?;
    let Content::Json(content) = content else {
        anyhow::bail!("{} is a table; expected JSON, one object per line or an array", name_of(path));
    };
    Ok(Opened { content, metadata, encoding, meter, holds_older_documents })
}

/// Opens a file of JSON or a table. An error says in one line why it cannot be read.
pub fn open_any(path: &Path) -> anyhow::Result<Opened<Content>> {
    let meter = Meter::default();
    let cannot = || format!("cannot read {}", path.display());
    let (metadata, packed) = if path == Path::new("-") {
        (None, unpacked(io::stdin(), &meter))
    } else {
        let file = File::open(path).with_context(cannot)?;
        let metadata = file.metadata().with_context(cannot)?;
        anyhow::ensure!(!metadata.is_dir(), "{} is a directory; expected a file", path.display());
        (metadata.is_file().then_some(metadata), unpacked(file, &meter))
    };
    let name = name_of(path);
    let opened =
        opened(packed.with_context(cannot)?, meter, Bounds::OF_A_COMMAND).map_err(|fault| match fault {
            OpenError::Unreadable(error) => anyhow::Error::new(error).context(cannot()),
            OpenError::NotRead(what) => anyhow::Error::msg(what.of_file(&name)),
        })?;
    Ok(Opened { metadata, ..opened })
}

/// Why a file cannot be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file ends early, or its compression is damaged.
    Unreadable(io::Error),
    /// The file has an unsupported format, or is larger than allowed.
    NotRead(NotRead),
}

impl From<NotRead> for OpenError {
    fn from(what: NotRead) -> Self {
        Self::NotRead(what)
    }
}

/// Opens a file that is in memory. A text is read up to the bound of bytes; beyond it, reading fails.
pub fn of_bytes(bytes: Vec<u8>, bounds: Bounds) -> Result<Opened<Content>, OpenError> {
    let meter = Meter::default();
    let text = unpacked(io::Cursor::new(bytes), &meter).map_err(OpenError::Unreadable)?;
    opened(Box::new(BufReader::new(Bounded { input: text, remaining: bounds.unpacked_bytes })), meter, bounds)
}

fn opened(
    mut text: Box<dyn BufRead + Send>,
    meter: Meter,
    bounds: Bounds,
) -> Result<Opened<Content>, OpenError> {
    let (start, broken) = start_of(&mut text);
    if let Some(error) = broken {
        // The items before the fault are still read; reading fails at the fault.
        if start.is_empty() {
            return Err(OpenError::Unreadable(error));
        }
        text = Box::new(BufReader::new(Broken(Some(error))));
    }
    let kind = kind::of(&start)?;
    let holds_older_documents = kind == Kind::Json && kind::is_older_document(&start);
    let mut whole = io::Cursor::new(start.clone()).chain(text);
    let encoding = Found::default();
    let content = match kind {
        Kind::Workbook => {
            let mut bytes = Vec::new();
            let limit = bounds.workbook_bytes;
            whole.by_ref().take(limit + 1).read_to_end(&mut bytes).map_err(OpenError::Unreadable)?;
            if bytes.len() as u64 > limit {
                return Err(NotRead::unusable(
                    format!("it is larger than a workbook that can be read ({limit} bytes): save it as CSV"),
                    "Ce classeur est trop grand pour être lu : enregistrez le tableau au format CSV.",
                )
                .into());
            }
            Content::Table(Table::workbook(Workbook::open(bytes, bounds)?))
        }
        Kind::Table(dialect) => {
            Content::Table(Table::csv(Box::new(Utf8::new(whole, &start, encoding.clone())), *dialect))
        }
        Kind::Json => Content::Json(Box::new(Utf8::new(whole, &start, encoding.clone()))),
    };
    Ok(Opened { content, metadata: None, encoding, meter, holds_older_documents })
}

/// A reader that fails with [`io::ErrorKind::QuotaExceeded`] once the text exceeds its bound.
struct Bounded<R> {
    input: R,
    remaining: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.remaining = self.remaining.checked_sub(count as u64).ok_or(io::ErrorKind::QuotaExceeded)?;
        Ok(count)
    }
}

/// Reads the first bytes of a file: at least enough to detect its format. Also returns the error that ended the
/// reading.
fn start_of(text: &mut impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut start = vec![0; BUFFER_BYTES];
    let mut length = 0;
    let broken = loop {
        match text.read(&mut start[length..]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => break Some(error),
            Ok(0) => break None,
            Ok(read) => length += read,
        }
        let has_a_line = length >= START_BYTES_MIN && start[..length].contains(&b'\n');
        if length == start.len() || has_a_line {
            break None;
        }
    };
    start.truncate(length);
    (start, broken)
}

/// A reader that fails with the error that the file had after its first bytes.
struct Broken(Option<io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn unpacked(input: impl Read + Send + 'static, meter: &Meter) -> io::Result<Box<dyn BufRead + Send>> {
    let mut input = Metered { input, meter: meter.clone() };
    let mut start = Vec::with_capacity(ZSTD.len());
    // One read of a pipe may return fewer bytes than the detection needs.
    input.by_ref().take(ZSTD.len() as u64).read_to_end(&mut start)?;
    let packed = BufReader::with_capacity(BUFFER_BYTES, io::Cursor::new(start.clone()).chain(input));
    let skippable =
        |start: &[u8]| start.len() == 4 && [&[start[0] & 0xf0], &start[1..]].concat() == ZSTD_SKIPPABLE;
    Ok(if start.starts_with(&GZIP) {
        Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(packed)))
    } else if start.starts_with(&ZSTD) || skippable(&start) {
        let frames = zstd::stream::read::Decoder::with_buffer(packed)?;
        Box::new(BufReader::with_capacity(BUFFER_BYTES, frames))
    } else {
        Box::new(packed)
    })
}

struct Metered<R> {
    input: R,
    meter: Meter,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.meter.0.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &[u8] = b"{\"craId\":\"a\"}\n{\"craId\":\"b\"}\n";

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        zstd::encode_all(text, 1).unwrap()
    }

    /// Returns the text, and how much of the input was read for it.
    fn read(bytes: Vec<u8>) -> io::Result<(Vec<u8>, u64)> {
        let meter = Meter::default();
        let mut text = Vec::new();
        unpacked(io::Cursor::new(bytes), &meter)?.read_to_end(&mut text)?;
        Ok((text, meter.bytes_read()))
    }

    #[test]
    fn the_text_is_the_same_however_it_is_packed_and_all_of_the_file_is_counted() {
        let (first, second) = TEXT.split_at(14);
        let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0], b"abc".as_slice()].concat();
        for packed in [
            TEXT.to_vec(),
            gzip(TEXT),
            [gzip(first), gzip(second)].concat(),
            zstd(TEXT),
            [zstd(first), zstd(b""), zstd(second)].concat(),
            [skippable, zstd(TEXT)].concat(),
        ] {
            let length = packed.len() as u64;
            assert_eq!(read(packed).unwrap(), (TEXT.to_vec(), length));
        }
    }

    #[test]
    fn a_file_too_short_to_be_packed_is_text() {
        for text in ["", "7", "[]\n"] {
            assert_eq!(read(text.into()).unwrap().0, text.as_bytes());
        }
    }

    #[test]
    fn a_packed_file_that_is_cut_or_broken_is_an_error_and_never_a_shorter_text() {
        for whole in [gzip(TEXT), zstd(TEXT)] {
            for length in 4..whole.len() {
                assert!(read(whole[..length].to_vec()).is_err(), "{length} of {whole:?}");
            }
        }
        for magic in [GZIP.as_slice(), &ZSTD] {
            assert!(read([magic, b"nothing of the kind"].concat()).is_err());
        }
    }

    #[test]
    fn a_file_is_opened_by_its_content_and_refused_in_one_line() {
        let dir = tempfile::tempdir().unwrap();
        let opened = |bytes: &[u8]| {
            let path = dir.path().join("file");
            std::fs::write(&path, bytes).unwrap();
            (open(&path).map(|_| ()), open_any(&path).map(|_| ()))
        };
        assert!(matches!(opened(&gzip(TEXT)), (Ok(()), Ok(()))));
        let (json_alone, any) = opened(b"cra_id;date\r\n");
        assert!(any.is_ok() && json_alone.unwrap_err().to_string().contains("expected JSON"));
        for bytes in [&b""[..], b"PAR1 and so on", &gzip(b""), b"PK\x03\x04 broken"] {
            let (_, any) = opened(bytes);
            let reported = format!("{:#}", any.unwrap_err());
            assert!(reported.contains("file") && !reported.contains('\n'), "{reported}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_reported_by_its_name() {
        let dir = std::env::temp_dir();
        for path in [dir.as_path(), Path::new("no/such/file")] {
            let error = open(path).map(|_| ()).unwrap_err();
            assert!(format!("{error:#}").contains(&path.display().to_string()), "{error:#}");
        }
    }
}
