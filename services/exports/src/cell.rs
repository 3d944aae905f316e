//! Cells and columns of a table, independent of its format.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, codes, identifiers.
    Text,
    /// A count, minutes or days.
    Integer,
    /// A share per mille.
    Share,
    /// A calendar day.
    Day,
    /// An instant in UTC, to the microsecond.
    Instant,
}

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value; only in an optional column.
    Absent,
    /// Value of a column of [`Kind::Text`].
    Text(Cow<'a, str>),
    /// Value of a column of [`Kind::Integer`].
    Integer(u64),
    /// Value of a column of [`Kind::Share`].
    Share(u32),
    /// Value of a column of [`Kind::Day`].
    Day(Date),
    /// Value of a column of [`Kind::Instant`].
    Instant(Timestamp),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl<'a> From<Cow<'a, str>> for Cell<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Self::Integer(number)
    }
}

impl From<u32> for Cell<'_> {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<Date> for Cell<'_> {
    fn from(day: Date) -> Self {
        Self::Day(day)
    }
}

impl From<Timestamp> for Cell<'_> {
    fn from(instant: Timestamp) -> Self {
        Self::Instant(instant)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

/// `None` for an empty text.
#[must_use]
pub(super) fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

type Reading<R> = Box<dyn for<'a> Fn(&'a R) -> Cell<'a> + Send + Sync>;

/// A column over rows `R`.
pub struct Column<R> {
    name: Cow<'static, str>,
    heading: Option<&'static str>,
    width: Option<u16>,
    is_code: bool,
    kind: Kind,
    optional: bool,
    cell: Reading<R>,
}

impl<R> Column<R> {
    /// A column with a value in every row.
    pub fn required(
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        cell: impl for<'a> Fn(&'a R) -> Cell<'a> + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            heading: None,
            width: None,
            is_code: false,
            kind,
            optional: false,
            cell: Box::new(cell),
        }
    }

    /// A column that may lack a value.
    pub fn optional(
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        cell: impl for<'a> Fn(&'a R) -> Cell<'a> + Send + Sync + 'static,
    ) -> Self {
        Self { optional: true, ..Self::required(name, kind, cell) }
    }

    /// Sets a heading for readers, used in report sheets.
    #[must_use]
    pub(crate) fn headed(self, heading: &'static str) -> Self {
        Self { heading: Some(heading), ..self }
    }

    /// Sets the width in sheets, in characters.
    #[must_use]
    pub fn wide(self, characters: u16) -> Self {
        Self { width: Some(characters), ..self }
    }

    /// Marks it as a code for programs: printed small in report sheets.
    #[must_use]
    pub fn code(self) -> Self {
        Self { is_code: true, ..self }
    }

    /// The same column over rows that contain such a row.
    #[must_use]
    pub fn within<S: 'static>(self, part: fn(&S) -> &R) -> Column<S>
    where
        R: 'static,
    {
        let Self { name, heading, width, is_code, kind, optional, cell } = self;
        Column { name, heading, width, is_code, kind, optional, cell: Box::new(move |row| cell(part(row))) }
    }

    /// Stable name of the column: French, in `snake_case`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Heading for readers; by default the column's name.
    #[must_use]
    pub fn heading(&self) -> &str {
        self.heading.unwrap_or(&self.name)
    }

    /// Width in sheets, in characters, if it is set.
    #[must_use]
    pub fn width(&self) -> Option<u16> {
        self.width
    }

    /// Whether it is a code for programs.
    #[must_use]
    pub fn is_code(&self) -> bool {
        self.is_code
    }

    /// Type of its cells.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a row may lack a value.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// The cell of a row.
    #[must_use]
    pub fn cell<'a>(&self, row: &'a R) -> Cell<'a> {
        (self.cell)(row)
    }
}
