//! Opens a file of items: plain, gzip or zstd, told apart by their first bytes and never by the name; `-` is
//! standard input. Several gzip members or zstd frames one after the other are one text. Reads its items on a thread
//! of its own, a bounded number ahead.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use flate2::bufread::MultiGzDecoder;
use tokio::sync::{mpsc, oneshot};

use super::Item;
use super::source::{self, Parse};

/// Between the file and what unpacks it, and between that and the reader of items.
const BUFFER_BYTES: usize = 64 * 1_024;

/// Items read ahead of the stream.
const READ_AHEAD: usize = 64;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A zstd frame that carries no content, such as the table of a seekable file; the lower half of the first byte is
/// free.
const ZSTD_SKIPPABLE: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// An opened file.
pub(crate) struct Opened {
    /// Its text, unpacked.
    pub(crate) text: Box<dyn BufRead + Send>,
    /// What is known of a file that can be read again; none for standard input and other pipes.
    pub(crate) metadata: Option<Metadata>,
    meter: Meter,
}

impl Opened {
    /// Of the file, packed as it is; none where there is no end to see.
    pub(crate) fn length(&self) -> Option<u64> {
        self.metadata.as_ref().map(Metadata::len)
    }
}

/// The items of a file, as they are read.
pub(crate) struct Items<T> {
    pub(crate) items: mpsc::Receiver<Item<T>>,
    /// How the reading ended, once it has.
    pub(crate) ended: oneshot::Receiver<io::Result<()>>,
}

/// Reads the items after the first `skipped`. The thread is never waited for: a terminal may keep it for ever.
pub(crate) fn items<T: Send + 'static>(opened: Opened, parse: Parse<T>, skipped: u64) -> Items<T> {
    let Opened { text, meter, .. } = opened;
    let (sender, items) = mpsc::channel(READ_AHEAD);
    let (ended_sender, ended) = oneshot::channel();
    std::thread::spawn(move || {
        let mut to_skip = skipped;
        let read = source::read(text, parse, |item| {
            if to_skip > 0 {
                to_skip -= 1;
                return ControlFlow::Continue(());
            }
            // Of the file as it is packed, so that it grows to the file's length.
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

/// Counts the bytes read of a file, packed as they are; shared by its clones.
#[derive(Clone, Debug, Default)]
struct Meter(Arc<AtomicU64>);

impl Meter {
    fn bytes_read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Opens a file, or says why it cannot be read.
pub(crate) fn open(path: &Path) -> anyhow::Result<Opened> {
    let meter = Meter::default();
    let cannot = || format!("cannot read {}", path.display());
    if path == Path::new("-") {
        let text = unpacked(io::stdin(), &meter).with_context(cannot)?;
        return Ok(Opened { text, metadata: None, meter });
    }
    let file = File::open(path).with_context(cannot)?;
    let metadata = file.metadata().with_context(cannot)?;
    anyhow::ensure!(!metadata.is_dir(), "{} is a directory; expected a file", path.display());
    let text = unpacked(file, &meter).with_context(cannot)?;
    Ok(Opened { text, metadata: metadata.is_file().then_some(metadata), meter })
}

fn unpacked(input: impl Read + Send + 'static, meter: &Meter) -> io::Result<Box<dyn BufRead + Send>> {
    let mut input = Metered { input, meter: meter.clone() };
    let mut start = Vec::with_capacity(ZSTD.len());
    // A pipe may give fewer bytes at once than it takes to know.
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

    /// The text, and how much of the input was read for it.
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
    fn a_file_that_cannot_be_read_is_told_by_its_name() {
        let dir = std::env::temp_dir();
        for path in [dir.as_path(), Path::new("no/such/file")] {
            let error = open(path).map(|_| ()).unwrap_err();
            assert!(format!("{error:#}").contains(&path.display().to_string()), "{error:#}");
        }
    }
}
