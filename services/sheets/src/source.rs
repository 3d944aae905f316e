//! Reads items from a text: one JSON object per line, one array, or one object (or several) laid out over lines.
//! Recognises the shape by the start of the text, and keeps one item in memory at a time.
//!
//! A [`Parse`] makes an item of its text, which it receives byte for byte as in the file, without the blanks around it.
//! A line that cannot be read does not stop the others. In an array, broken JSON stops the reading, because the start
//! of the next item is unknown; valid JSON of another kind does not. Applies no rule of the form.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::ops::ControlFlow;
use std::rc::Rc;

use serde::Deserializer as _;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Item, Location, Unsent};

/// Upper bound on one item: far above what a form can contain, and below what the service accepts.
pub(crate) const ITEM_BYTES_MAX: usize = 1_024 * 1_024;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Makes an item of its text. An error says what is wrong with the text.
pub type Parse<T> = fn(&str) -> Result<T, String>;

/// Reads all of `input`, and passes each item to `each` until it breaks.
pub fn read<T>(
    mut input: impl BufRead,
    parse: Parse<T>,
    each: impl FnMut(Item<T>) -> ControlFlow<()>,
) -> io::Result<()> {
    let start = skip_to_content(&mut input)?;
    let mut reading = Reading { parse, each, bytes_read: start.bytes };
    if start.first_byte == Some(b'[') {
        return reading.array(input);
    }
    let first = read_line(&mut input)?;
    let second = if first.starts_an_object() { read_line(&mut input)? } else { Line::default() };
    // An object on one line never continues on the next line; a layout over several lines never has a whole object on
    // its second.
    if first.starts_an_object() && !second.bytes.trim_ascii_start().starts_with(b"{") {
        let opening = [first.bytes, vec![b'\n'], second.bytes, vec![b'\n']].concat();
        return reading.objects(opening.as_slice().chain(input));
    }
    let opening = [first, second].into_iter().filter(|line| line.bytes_consumed > 0);
    reading.lines(start.line, opening, input)
}

struct Start {
    first_byte: Option<u8>,
    /// Number of blank bytes before it.
    bytes: u64,
    /// Number of its line, from 1.
    line: u64,
}

fn skip_to_content(input: &mut impl BufRead) -> io::Result<Start> {
    let mut start = Start { first_byte: None, bytes: 0, line: 1 };
    if input.fill_buf()?.starts_with(BYTE_ORDER_MARK) {
        input.consume(BYTE_ORDER_MARK.len());
    }
    loop {
        let Some(&byte) = input.fill_buf()?.first() else {
            return Ok(start);
        };
        if !byte.is_ascii_whitespace() {
            return Ok(Start { first_byte: Some(byte), ..start });
        }
        input.consume(1);
        start.bytes += 1;
        start.line += u64::from(byte == b'\n');
    }
}

#[derive(Default)]
struct Line {
    /// Text without the line break; truncated if it is too long.
    bytes: Vec<u8>,
    bytes_consumed: u64,
    too_long: bool,
}

impl Line {
    /// Whether it begins an object that ends on a later line.
    fn starts_an_object(&self) -> bool {
        let incomplete =
            || serde_json::from_slice::<IgnoredAny>(&self.bytes).is_err_and(|error| error.is_eof());
        !self.too_long && self.bytes.starts_with(b"{") && incomplete()
    }
}

/// A line of which nothing was consumed is the end of the input.
fn read_line(input: &mut impl BufRead) -> io::Result<Line> {
    let mut line = Line::default();
    loop {
        let available = input.fill_buf()?;
        let line_break = available.iter().position(|byte| *byte == b'\n');
        let length = line_break.unwrap_or(available.len());
        let stored = length.min(ITEM_BYTES_MAX.saturating_sub(line.bytes.len()));
        line.bytes.extend_from_slice(&available[..stored]);
        line.too_long |= stored < length;
        let consumed = length + usize::from(line_break.is_some());
        input.consume(consumed);
        line.bytes_consumed += consumed as u64;
        if line_break.is_some() || consumed == 0 {
            return Ok(line);
        }
    }
}

struct Reading<T, F> {
    parse: Parse<T>,
    each: F,
    bytes_read: u64,
}

impl<T, F: FnMut(Item<T>) -> ControlFlow<()>> Reading<T, F> {
    fn give(&mut self, location: Location, content: Result<T, String>) -> ControlFlow<()> {
        (self.each)(Item { location, bytes_read: self.bytes_read, content: content.map_err(Unsent::from) })
    }

    fn content_of(&self, line: &Line) -> Result<T, String> {
        if line.too_long {
            return Err(format!("longer than {ITEM_BYTES_MAX} bytes"));
        }
        let text = std::str::from_utf8(line.bytes.trim_ascii()).map_err(|_| "not UTF-8 text".to_owned())?;
        (self.parse)(text)
    }

    fn lines(
        &mut self,
        first_number: u64,
        opening: impl Iterator<Item = Line>,
        mut input: impl BufRead,
    ) -> io::Result<()> {
        let mut number = first_number;
        let mut opening = opening;
        loop {
            let line = match opening.next() {
                Some(line) => line,
                None => read_line(&mut input)?,
            };
            if line.bytes_consumed == 0 {
                return Ok(());
            }
            self.bytes_read += line.bytes_consumed;
            let blank = line.bytes.trim_ascii().is_empty();
            if !blank && self.give(Location::Line(number), self.content_of(&line)).is_break() {
                return Ok(());
            }
            number += 1;
        }
    }

    fn array(mut self, input: impl BufRead) -> io::Result<()> {
        let (metered, meter) = Metered::new(input, self.bytes_read);
        let mut source = serde_json::Deserializer::from_reader(metered);
        let mut number = 0;
        let mut stopped = false;
        let elements = Elements(|element: &RawValue| {
            number += 1;
            self.bytes_read = meter.start_item();
            let flow = self.give(Location::Element(number), (self.parse)(element.get()));
            stopped |= flow.is_break();
            flow
        });
        let ended = source.deserialize_seq(elements).and_then(|()| source.end());
        if stopped { Ok(()) } else { self.reported_at_the_end(number, ended) }
    }

    fn objects(mut self, input: impl Read) -> io::Result<()> {
        let (metered, meter) = Metered::new(input, self.bytes_read);
        let mut number = 0;
        for object in serde_json::Deserializer::from_reader(metered).into_iter::<Box<RawValue>>() {
            self.bytes_read = meter.start_item();
            let object = match object {
                Ok(object) => object,
                Err(error) => return self.reported_at_the_end(number, Err(error)),
            };
            number += 1;
            if self.give(Location::Element(number), (self.parse)(object.get())).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn reported_at_the_end(&mut self, last: u64, ended: Result<(), serde_json::Error>) -> io::Result<()> {
        let Err(error) = ended else { return Ok(()) };
        if error.is_io() && error.io_error_kind() != Some(io::ErrorKind::FileTooLarge) {
            return Err(error.into());
        }
        let problem = format!("{error}; the rest of the file was not read");
        let _ = self.give(Location::Element(last + 1), Err(problem));
        Ok(())
    }
}

/// Passes each element of an array to a function, without retaining any.
struct Elements<F>(F);

impl<'de, F: FnMut(&RawValue) -> ControlFlow<()>> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            if (self.0)(&element).is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// State that is shared with the reader that the JSON parser owns.
#[derive(Clone)]
pub(crate) struct Meter {
    bytes_read: Rc<Cell<u64>>,
    item_bytes: Rc<Cell<usize>>,
}

impl Meter {
    /// Number of bytes read so far.
    pub(crate) fn start_item(&self) -> u64 {
        self.item_bytes.set(0);
        self.bytes_read.get()
    }
}

/// A reader that fails once an item exceeds its bound.
pub(crate) struct Metered<R> {
    input: R,
    meter: Meter,
}

impl<R> Metered<R> {
    pub(crate) fn new(input: R, bytes_read: u64) -> (Self, Meter) {
        let meter = Meter { bytes_read: Rc::new(Cell::new(bytes_read)), item_bytes: Rc::default() };
        (Self { input, meter: meter.clone() }, meter)
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let Meter { bytes_read, item_bytes } = &self.meter;
        bytes_read.set(bytes_read.get() + count as u64);
        item_bytes.set(item_bytes.get() + count);
        if item_bytes.get() > ITEM_BYTES_MAX {
            let problem = format!("an item is longer than {ITEM_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
