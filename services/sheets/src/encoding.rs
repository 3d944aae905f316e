//! Decodes text to UTF-8. Accepted are UTF-8 and UTF-16 of either byte order, with or without a byte order mark, and
//! Windows-1252 (Latin-1), which old spreadsheets write. A file has one encoding; its first characters outside ASCII
//! determine which. Bytes in no known encoding pass unchanged, so that the readers of items can refuse them at their
//! line.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, OnceLock};

use encoding_rs::{Decoder, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Number of bytes that are read ahead to determine the encoding.
const LOOK_AHEAD: usize = 64 * 1_024;
/// Characters outside ASCII, other than accented letters, that French texts contain. Characters that are letters in DOS
/// or Macintosh files are omitted.
const FRENCH_SIGNS: &str = "«»’“”–—€œŒ°·§\u{a0}²³½×…©®";

/// Encoding of a text. Known after its first character outside ASCII was read.
#[derive(Clone, Debug, Default)]
pub struct Found(Arc<OnceLock<&'static Encoding>>);

impl Found {
    /// Name of the encoding if it is not UTF-8.
    #[must_use]
    pub fn other_than_utf8(&self) -> Option<&'static str> {
        self.0.get().filter(|encoding| **encoding != UTF_8).map(|encoding| encoding.name())
    }

    fn set(&self, encoding: &'static Encoding) {
        // It is found once.
        let _ = self.0.set(encoding);
    }
}

/// Detects UTF-16 by its byte order mark, or by the zero bytes between ASCII letters.
fn utf_16(start: &[u8]) -> Option<&'static Encoding> {
    match start {
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Detects the encoding by the first characters outside ASCII. `None` if they are neither UTF-8 nor French in
/// Windows-1252.
fn of_letters(bytes: &[u8]) -> Option<&'static Encoding> {
    let first = bytes.iter().position(|byte| !byte.is_ascii())?;
    let is_utf_8 = match std::str::from_utf8(&bytes[first..]) {
        Ok(_) => true,
        // Cut within a letter at the end, or broken after whole letters.
        Err(error) => error.valid_up_to() > 0 || error.error_len().is_none(),
    };
    if is_utf_8 {
        return Some(UTF_8);
    }
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
    let is_french =
        |c: char| matches!(c, 'À'..='ÿ') && !matches!(c, 'Ð' | 'Þ' | 'ð' | 'þ' | '÷' | 'Ø' | 'ø' | 'ÿ');
    let french = |c: char| c.is_ascii() || is_french(c) || FRENCH_SIGNS.contains(c);
    text.chars().all(french).then_some(WINDOWS_1252)
}

/// The start of a text, decoded as [`Utf8`] would.
pub(crate) fn peek(start: &[u8]) -> String {
    let encoding = utf_16(start).or_else(|| of_letters(start)).unwrap_or(UTF_8);
    let (text, _, _) = encoding.decode(start);
    text.into_owned()
}

/// Whether a text has characters in none of the supported encodings.
pub(crate) fn is_unknown(start: &[u8]) -> bool {
    utf_16(start).is_none() && !start.is_ascii() && of_letters(start).is_none()
}

/// A reader of UTF-8 over a reader of any encoding.
pub(crate) struct Utf8<R> {
    input: R,
    found: Found,
    state: State,
    /// Decoded bytes that are not consumed yet.
    ready: Vec<u8>,
    consumed: usize,
}

enum State {
    /// No character outside ASCII was read yet.
    Undecided,
    /// The bytes pass unchanged.
    Plain,
    Decoding(Box<Decoder>),
    Ended,
}

impl<R: BufRead> Utf8<R> {
    /// `start` is the beginning of the input, needed to detect UTF-16.
    pub(crate) fn new(input: R, start: &[u8], found: Found) -> Self {
        let state = match utf_16(start) {
            Some(encoding) => {
                found.set(encoding);
                State::Decoding(Box::new(encoding.new_decoder_with_bom_removal()))
            }
            None => State::Undecided,
        };
        Self { input, found, state, ready: Vec::new(), consumed: 0 }
    }

    /// Reads until decoded bytes are available, or the input ends.
    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.consumed = 0;
        while self.ready.is_empty() && !matches!(self.state, State::Ended) {
            if let State::Undecided = self.state {
                self.decide()?;
                continue;
            }
            let State::Decoding(decoder) = &mut self.state else {
                let chunk = self.input.fill_buf()?;
                self.ready.extend_from_slice(chunk);
                let length = chunk.len();
                self.input.consume(length);
                if length == 0 {
                    self.state = State::Ended;
                }
                continue;
            };
            let chunk = self.input.fill_buf()?;
            let length = chunk.len();
            decode(decoder, chunk, length == 0, &mut self.ready);
            self.input.consume(length);
            if length == 0 {
                self.state = State::Ended;
            }
        }
        Ok(())
    }

    /// Passes ASCII through. At the first character outside ASCII, reads ahead and determines the encoding.
    fn decide(&mut self) -> io::Result<()> {
        let chunk = self.input.fill_buf()?;
        if chunk.is_empty() {
            self.state = State::Ended;
            return Ok(());
        }
        let ascii = chunk.iter().position(|byte| !byte.is_ascii()).unwrap_or(chunk.len());
        if ascii > 0 {
            self.ready.extend_from_slice(&chunk[..ascii]);
            self.input.consume(ascii);
            return Ok(());
        }
        let mut ahead = Vec::new();
        self.input.by_ref().take(LOOK_AHEAD as u64).read_to_end(&mut ahead)?;
        let encoding = of_letters(&ahead);
        self.found.set(encoding.unwrap_or(UTF_8));
        match encoding {
            Some(encoding) if encoding != UTF_8 => {
                let mut decoder = encoding.new_decoder_without_bom_handling();
                decode(&mut decoder, &ahead, false, &mut self.ready);
                self.state = State::Decoding(Box::new(decoder));
            }
            _ => {
                self.ready = ahead;
                self.state = State::Plain;
            }
        }
        Ok(())
    }
}

fn decode(decoder: &mut Decoder, chunk: &[u8], last: bool, ready: &mut Vec<u8>) {
    let mut text =
        String::with_capacity(decoder.max_utf8_buffer_length(chunk.len()).unwrap_or(chunk.len() * 3));
    // The text has room for all of the chunk.
    let _ = decoder.decode_to_string(chunk, &mut text, last);
    ready.extend_from_slice(text.as_bytes());
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let available = self.fill_buf()?;
        let count = available.len().min(buffer.len());
        buffer[..count].copy_from_slice(&available[..count]);
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Utf8<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.ready.len() {
            self.refill()?;
        }
        Ok(&self.ready[self.consumed..])
    }

    fn consume(&mut self, count: usize) {
        self.consumed = (self.consumed + count).min(self.ready.len());
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    const TEXT: &str = "{\"annotation\": \"Numérique à l'école, œuvre « été » – 5 €\"}\n";

    fn read(bytes: &[u8]) -> (Vec<u8>, Option<&'static str>) {
        let found = Found::default();
        // Small chunks: nothing depends on where they end.
        let input = BufReader::with_capacity(5, bytes);
        let mut text = Vec::new();
        Utf8::new(input, bytes, found.clone()).read_to_end(&mut text).unwrap();
        (text, found.other_than_utf8())
    }

    fn utf_16_bytes(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn the_text_is_the_same_in_every_encoding_that_spreadsheets_and_shells_write() {
        let marked = format!("\u{feff}{TEXT}");
        for (bytes, name) in [
            (TEXT.as_bytes().to_vec(), None),
            (utf_16_bytes(TEXT, u16::to_le_bytes), Some("UTF-16LE")),
            (utf_16_bytes(&marked, u16::to_le_bytes), Some("UTF-16LE")),
            (utf_16_bytes(TEXT, u16::to_be_bytes), Some("UTF-16BE")),
            (utf_16_bytes(&marked, u16::to_be_bytes), Some("UTF-16BE")),
            (WINDOWS_1252.encode(TEXT).0.into_owned(), Some("windows-1252")),
        ] {
            assert_eq!(read(&bytes), (TEXT.as_bytes().to_vec(), name));
            assert_eq!(peek(&bytes), TEXT);
        }
    }

    #[test]
    fn what_is_no_known_encoding_is_handed_on_as_it_is() {
        // "é" in DOS and Macintosh files; bytes that are no text; UTF-8 that is cut.
        for bytes in [&b"num\x82rique"[..], b"num\x8erique", b"a\xff\xfeb", "à".as_bytes()] {
            assert_eq!(read(bytes), (bytes.to_vec(), None));
        }
        assert!(is_unknown(b"num\x82rique") && !is_unknown(TEXT.as_bytes()));
        let cut = [TEXT.as_bytes(), b"\xe9t\xe9"].concat();
        assert_eq!(read(&cut), (cut.clone(), None), "a text is in one encoding");
    }
}
