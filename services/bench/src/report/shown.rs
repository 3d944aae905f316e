//! The report for people: a table for the terminal, a page in Markdown.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{Aim, Limit, Measured, Quantiles, Report, Row, Target};

const HEADINGS: [&str; 6] = ["scenario", "what", "measured", "compared with", "ratio", "target"];
const MIB: u64 = 1_024 * 1_024;

impl Report {
    /// As a table of so many columns at most.
    pub(crate) fn table(&self, columns: usize) -> String {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(columns).unwrap_or(u16::MAX))
            .set_header(HEADINGS);
        for row in &self.rows {
            table.add_row(row.cells());
        }
        if let Some(ratio) = table.column_mut(4) {
            ratio.set_cell_alignment(CellAlignment::Right);
        }
        format!("{table}\n{}{}\n", self.left_out(), self.missed())
    }

    /// How many targets were reached.
    fn missed(&self) -> String {
        let aims: Vec<_> = self.rows.iter().flat_map(|row| &row.targets).collect();
        let met = aims.iter().filter(|aim| aim.met).count();
        let all = aims.len();
        format!("{met} of {all} targets met, in {}", seconds(self.seconds))
    }

    /// What this run did not measure, as a sentence; empty if it left nothing out.
    fn left_out(&self) -> String {
        if self.left_out.is_empty() {
            return String::new();
        }
        format!("Left out, because it would not have ended in time: {}.\n", self.left_out.join("; "))
    }

    /// As a page that says on what machine, when, and with which data.
    pub(crate) fn markdown(&self) -> String {
        let Self { version, began, machine, seed, cras, .. } = self;
        let mut page = String::from("# Performance\n\n");
        page += "Written by `cra-bench` with `--markdown`; numbers are of one run, on one machine, where client, \
                 services and the log's\nserver share the cores. A ratio is the measured rate, or the median time, \
                 by what the same machine does in the same run. Targets are\nratios, stated for ten million CRAs \
                 on two cores. A target in milliseconds is a promise to users on the machine named here.\n\n";
        let memory = bytes(machine.memory_bytes);
        for (name, value) in [
            ("version", (*version).to_owned()),
            ("date", began.clone()),
            ("processor", format!("{}, {} cores", machine.processor, machine.cores)),
            ("memory", memory),
            ("system", machine.system.clone()),
            ("data", format!("{} CRAs, seed {seed}", thousands(*cras))),
            ("duration", seconds(self.seconds)),
        ] {
            page += &format!("- {name}: {value}\n");
        }
        page += &format!("\n| {} |\n|{}\n", HEADINGS.join(" | "), "---|".repeat(HEADINGS.len()));
        for row in &self.rows {
            page += &format!("| {} |\n", row.cells().join(" | "));
        }
        page += &format!("\n{}{}.\n", self.left_out(), self.missed());
        page
    }
}

impl Row {
    fn cells(&self) -> [String; 6] {
        let limit = self.limit.as_ref().map(Limit::text).unwrap_or_default();
        let ratio = self.ratio.map(ratio).unwrap_or_default();
        let targets: Vec<_> = self.targets.iter().map(Aim::text).collect();
        [self.scenario.to_string(), self.what.clone(), self.measured.text(), limit, ratio, targets.join("; ")]
    }
}

impl Limit {
    fn text(&self) -> String {
        format!("{}: {}", self.what, self.measured.short())
    }
}

impl Aim {
    fn text(&self) -> String {
        let target = match self.target {
            Target::RatioAtLeast(least) => format!("ratio ≥ {least}"),
            Target::RatioAtMost(most) => format!("ratio ≤ {most}"),
            Target::P99ByP99AtMost(most) => format!("p99 ≤ {most} × its p99"),
            Target::P99ByMedianAtMost(most) => format!("p99 ≤ {most} × its p50"),
            Target::P99MsAtMost(most) => format!("p99 ≤ {most} ms"),
            Target::P99MsBeyondAtMost(most) => format!("p99 ≤ its p99 + {most} ms"),
            Target::BytesPerCraAtMost(most) => format!("≤ {most} B/CRA"),
            Target::TimesAtMost(most) => format!("≤ {most} ×"),
        };
        format!("{target} {}", if self.met { "met" } else { "missed" })
    }
}

impl Measured {
    fn text(self) -> String {
        match self {
            Self::Latency(Quantiles { samples, p50_ms, p99_ms, p999_ms }) => format!(
                "p50 {} p99 {} p99.9 {} (n {})",
                time(p50_ms),
                time(p99_ms),
                time(p999_ms),
                thousands(samples)
            ),
            other => other.short(),
        }
    }

    /// Of times, the median and the 99th percentile.
    fn short(self) -> String {
        match self {
            Self::Rate { per_second, of } => format!("{} {of}/s", decimal(per_second)),
            Self::Latency(quantiles) => {
                format!("p50 {} p99 {}", time(quantiles.p50_ms), time(quantiles.p99_ms))
            }
            Self::Seconds(seconds_taken) => seconds(seconds_taken),
            Self::Nanoseconds(nanoseconds) if nanoseconds < 1_000.0 => format!("{nanoseconds:.0} ns"),
            Self::Nanoseconds(nanoseconds) => time(nanoseconds / 1e6),
            Self::Bytes(count) => bytes(count),
            Self::BytesPerCra(count) => format!("{count:.0} B/CRA"),
            Self::Times(times) => format!("{times:.2} ×"),
        }
    }
}

fn ratio(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}

/// From microseconds to seconds.
fn time(milliseconds: f64) -> String {
    match milliseconds {
        short if short < 0.1 => format!("{:.1} µs", short * 1_000.0),
        short if short < 1.0 => format!("{:.0} µs", short * 1_000.0),
        some if some < 100.0 => format!("{some:.1} ms"),
        long => format!("{long:.0} ms"),
    }
}

fn seconds(seconds: f64) -> String {
    if seconds < 1.0 { time(seconds * 1_000.0) } else { format!("{seconds:.1} s") }
}

fn bytes(count: u64) -> String {
    format!("{} MiB", thousands(count.div_ceil(MIB)))
}

/// A number that is at least some tens, without decimals.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // it is rounded and not negative
fn decimal(number: f64) -> String {
    thousands(number.round().max(0.0) as u64)
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
