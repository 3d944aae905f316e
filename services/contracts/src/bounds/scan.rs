//! Counts the values of repeated fields in an encoded message, byte by byte as they arrive. A malformed encoding is not
//! reported here: the decoder refuses it.

use super::{Exceeded, Form, Plans};

/// Maximum number of fields that are reported for one request.
const EXCEEDED_MAX: usize = 100;
/// Maximum nesting of messages; the decoder has the same limit.
const DEPTH_MAX: usize = 100;
/// Maximum number of bits read of a varint.
const VARINT_BITS_MAX: u32 = 64;

/// The state of a scan.
#[derive(Debug)]
pub struct Scan {
    plans: &'static Plans,
    nodes: Vec<Node>,
    /// The messages that enclose the next byte, outermost first.
    open: Vec<Open>,
    expected: Expected,
    /// The varint being read.
    varint: Varint,
    /// Number of bytes read.
    position: u64,
    /// Number of groups of unknown fields that enclose the next byte.
    groups: u32,
    exceeded: Vec<Exceeded>,
}

/// A message at one path of the request. Several occurrences of a singular field are one node, because the decoder
/// merges them. All elements of a repeated field use the same node, one after the other.
#[derive(Debug)]
struct Node {
    plan: usize,
    /// The enclosing node, and the field in it.
    parent: Option<(usize, usize)>,
    /// Index of the current element in a repeated field.
    element: Option<usize>,
    counts: Vec<Count>,
    /// The nodes of the fields that are messages.
    children: Vec<Option<usize>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    found: usize,
    /// Index of its entry in the report.
    reported: Option<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    node: usize,
    end: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// A field's number and wire type.
    Key,
    /// The value of a varint.
    Varint,
    /// The length of a field.
    Length(Option<usize>),
    /// Bytes of a value.
    Bytes(u64),
    /// Packed values of a field.
    Packed { field: usize, remaining: u64 },
    /// Nothing more: the bytes are not an encoding of the message.
    Nothing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Varint {
    value: u64,
    bits: u32,
}

impl Scan {
    pub(super) fn new(plans: &'static Plans, plan: usize) -> Self {
        let mut scan = Self {
            plans,
            nodes: Vec::new(),
            open: Vec::new(),
            expected: Expected::Key,
            varint: Varint::default(),
            position: 0,
            groups: 0,
            exceeded: Vec::new(),
        };
        scan.add_node(plan, None);
        scan.open.push(Open { node: 0, end: u64::MAX });
        scan
    }

    /// Reads the next bytes of the message.
    pub fn read(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.expected != Expected::Nothing {
            let read = match self.expected {
                Expected::Bytes(remaining) => self.pass_over(bytes.len(), remaining),
                Expected::Packed { field, remaining } => self.read_packed(bytes, field, remaining),
                _ => {
                    self.read_varint(bytes[0]);
                    1
                }
            };
            bytes = &bytes[read..];
        }
    }

    /// Whether a field has exceeded its limit.
    #[must_use]
    pub fn has_exceeded(&self) -> bool {
        !self.exceeded.is_empty()
    }

    /// The fields that exceed their limits, in the order of detection.
    #[must_use]
    pub fn into_exceeded(self) -> Vec<Exceeded> {
        self.exceeded
    }

    fn add_node(&mut self, plan: usize, parent: Option<(usize, usize)>) -> usize {
        let fields = self.plans.messages[plan].fields.len();
        let (counts, children) = (vec![Count::default(); fields], vec![None; fields]);
        self.nodes.push(Node { plan, parent, element: None, counts, children });
        self.nodes.len() - 1
    }

    /// Skips at most `remaining` bytes of a value.
    fn pass_over(&mut self, available: usize, remaining: u64) -> usize {
        let read = usize::try_from(remaining).unwrap_or(usize::MAX).min(available);
        self.advance(read);
        let remaining = remaining - read as u64;
        self.expect(if remaining == 0 { Expected::Key } else { Expected::Bytes(remaining) });
        read
    }

    fn read_packed(&mut self, bytes: &[u8], field: usize, remaining: u64) -> usize {
        let read = usize::try_from(remaining).unwrap_or(usize::MAX).min(bytes.len());
        let (node, form) = (self.node(), self.form(field));
        let (before, after) = (remaining, remaining - read as u64);
        // Fixed-width values: the remaining bytes give the number of values.
        let of_width =
            |width: u64| usize::try_from(before.div_ceil(width) - after.div_ceil(width)).unwrap_or(0);
        let values = match form {
            Form::Fixed32 => of_width(4),
            Form::Fixed64 => of_width(8),
            _ => bytes[..read].iter().filter(|byte| **byte < 0x80).count(),
        };
        self.count(node, field, values);
        self.advance(read);
        self.expect(if after == 0 { Expected::Key } else { Expected::Packed { field, remaining: after } });
        read
    }

    fn read_varint(&mut self, byte: u8) {
        self.advance(1);
        let Varint { value, bits } = self.varint;
        if bits >= VARINT_BITS_MAX {
            self.expected = Expected::Nothing;
            return;
        }
        let value = value | u64::from(byte & 0x7f) << bits;
        if byte >= 0x80 {
            self.varint = Varint { value, bits: bits + 7 };
            return;
        }
        self.varint = Varint::default();
        match self.expected {
            Expected::Key => self.read_key(value),
            Expected::Length(field) => self.read_length(value, field),
            _ => self.expect(Expected::Key),
        }
    }

    fn read_key(&mut self, key: u64) {
        let field = if self.groups > 0 { None } else { self.field(key >> 3) };
        let single = |scan: &mut Self, form: Form| {
            if let Some(field) = field.filter(|field| scan.form(*field) == form) {
                let node = scan.node();
                scan.count(node, field, 1);
            }
        };
        match key & 7 {
            0 => {
                single(self, Form::Varint);
                self.expected = Expected::Varint;
            }
            1 => {
                single(self, Form::Fixed64);
                self.expected = Expected::Bytes(8);
            }
            2 => self.expected = Expected::Length(field),
            3 => {
                self.groups += 1;
                self.expect(Expected::Key);
            }
            4 if self.groups > 0 => {
                self.groups -= 1;
                self.expect(Expected::Key);
            }
            5 => {
                single(self, Form::Fixed32);
                self.expected = Expected::Bytes(4);
            }
            _ => self.expected = Expected::Nothing,
        }
    }

    fn read_length(&mut self, length: u64, field: Option<usize>) {
        let end = self.position.saturating_add(length);
        if self.open.last().is_none_or(|open| end > open.end) {
            self.expected = Expected::Nothing;
            return;
        }
        let node = self.node();
        match field.map(|field| (field, self.form(field))) {
            Some((field, Form::Message(plan))) => {
                self.count(node, field, 1);
                self.enter(node, field, plan, end);
            }
            Some((field, Form::Bytes)) => {
                self.count(node, field, 1);
                self.expect(Expected::Bytes(length));
            }
            Some((field, _)) => self.expect(Expected::Packed { field, remaining: length }),
            None => self.expect(Expected::Bytes(length)),
        }
        if matches!(self.expected, Expected::Bytes(0) | Expected::Packed { remaining: 0, .. }) {
            self.expect(Expected::Key);
        }
    }

    fn enter(&mut self, node: usize, field: usize, plan: usize, end: u64) {
        if self.open.len() >= DEPTH_MAX {
            self.expected = Expected::Nothing;
            return;
        }
        let known = self.nodes[node].children[field];
        let child = known.unwrap_or_else(|| self.add_node(plan, Some((node, field))));
        self.nodes[node].children[field] = Some(child);
        if self.max(node, field).is_some() {
            self.nodes[child].element = self.nodes[node].counts[field].found.checked_sub(1);
            self.reset(child);
        }
        self.open.push(Open { node: child, end });
        self.expect(Expected::Key);
    }

    /// Resets the counts of a node for the next element of a repeated field.
    fn reset(&mut self, node: usize) {
        self.nodes[node].counts.fill(Count::default());
        let children: Vec<_> = self.nodes[node].children.iter().flatten().copied().collect();
        for child in children {
            self.reset(child);
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.position += bytes as u64;
    }

    /// Sets what the next byte must be; before a key, closes the messages that have ended.
    fn expect(&mut self, expected: Expected) {
        self.expected = expected;
        if expected == Expected::Key {
            while self.open.len() > 1 && self.open.last().is_some_and(|open| open.end <= self.position) {
                self.open.pop();
            }
        }
    }

    fn node(&self) -> usize {
        self.open.last().map_or(0, |open| open.node)
    }

    fn field(&self, number: u64) -> Option<usize> {
        let number = u32::try_from(number).ok()?;
        let fields = &self.plans.messages[self.nodes[self.node()].plan].fields;
        fields.binary_search_by_key(&number, |field| field.number).ok()
    }

    fn form(&self, field: usize) -> Form {
        self.plans.messages[self.nodes[self.node()].plan].fields[field].form
    }

    fn max(&self, node: usize, field: usize) -> Option<usize> {
        self.plans.messages[self.nodes[node].plan].fields[field].max
    }

    fn count(&mut self, node: usize, field: usize, values: usize) {
        let Some(max) = self.max(node, field) else { return };
        let count = &mut self.nodes[node].counts[field];
        count.found = count.found.saturating_add(values);
        let Count { found, reported } = *count;
        match reported {
            Some(index) => self.exceeded[index].found = found,
            None if found > max && self.exceeded.len() < EXCEEDED_MAX => {
                self.nodes[node].counts[field].reported = Some(self.exceeded.len());
                let field = self.path(node, field);
                self.exceeded.push(Exceeded { field, found, max });
            }
            None => {}
        }
    }

    /// The path of a field of a node from the request's root.
    fn path(&self, node: usize, field: usize) -> String {
        let name = &self.plans.messages[self.nodes[node].plan].fields[field].name;
        match self.nodes[node].parent {
            None => name.clone(),
            Some((parent, within)) => {
                let element =
                    self.nodes[node].element.map_or(String::new(), |element| format!("[{element}]"));
                format!("{}{element}.{name}", self.path(parent, within))
            }
        }
    }
}
