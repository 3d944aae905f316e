//! Native charts on free cells.

use std::io;

use rust_xlsxwriter::{
    Chart as NativeChart, ChartDataLabel, ChartFont, ChartFormat, ChartLegendPosition, ChartLine,
    ChartSolidFill, ChartType, Color, Worksheet,
};

use super::{ACCENT, QUIET, SECOND, failed};

/// Maximum number of bars of a chart.
pub(in super::super) const CHART_ROWS_MAX: usize = 20;
/// Maximum number of columns with value labels.
const LABELLED_MAX: usize = 13;
/// Default height of a row, in pixels.
const ROW_PIXELS: u32 = 20;
/// Offset of the chart from the cell's corner, in pixels.
const OFFSET: u32 = 4;
const COLOURS: [Color; 2] = [ACCENT, SECOND];

/// The data of a chart: a column of names, columns of values, a number of rows below the header.
pub(in super::super) struct Chart<'a> {
    pub(in super::super) sheet: &'a str,
    pub(in super::super) title: &'a str,
    pub(in super::super) names: u16,
    pub(in super::super) values: Vec<Series<'a>>,
    pub(in super::super) rows: usize,
    pub(in super::super) kind: ChartType,
}

impl<'a> Chart<'a> {
    /// Bars of the first rows of a sheet with names and one column of values.
    pub(in super::super) fn bars(sheet: &'a str, title: &'a str, unit: &'a str, rows: usize) -> Self {
        let values = vec![Series { column: 1, name: unit }];
        Self { sheet, title, names: 0, values, rows, kind: ChartType::Bar }
    }
}

/// A column of values.
pub(in super::super) struct Series<'a> {
    pub(in super::super) column: u16,
    pub(in super::super) name: &'a str,
}

/// Position of a chart in cells, and its size in pixels.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct ChartArea {
    pub(in super::super) row: u32,
    pub(in super::super) column: u16,
    pub(in super::super) width: u32,
    pub(in super::super) height: u32,
}

impl ChartArea {
    /// The last row that the chart covers, with rows of default height.
    pub(in super::super) fn last_row(&self) -> u32 {
        self.row + (self.height + OFFSET).div_ceil(ROW_PIXELS)
    }
}

/// Draws a chart; without rows, none.
pub(in super::super) fn draw(sheet: &mut Worksheet, chart: &Chart<'_>, area: &ChartArea) -> io::Result<()> {
    let Some(last) = u32::try_from(chart.rows).ok().filter(|rows| *rows > 0) else {
        return Ok(());
    };
    let mut native = NativeChart::new(chart.kind);
    let font = |size: u8| {
        let mut font = ChartFont::new();
        font.set_size(size).set_color(QUIET);
        font
    };
    native.title().set_name(chart.title).set_font(font(11).set_bold().set_color(ACCENT)).set_overlay(false);
    let is_bar = chart.kind == ChartType::Bar;
    let is_labelled = is_bar || (chart.kind == ChartType::Column && chart.rows <= LABELLED_MAX);
    for (values, colour) in chart.values.iter().zip(COLOURS) {
        let series = native
            .add_series()
            .set_name(values.name)
            .set_categories((chart.sheet, 1, chart.names, last, chart.names))
            .set_values((chart.sheet, 1, values.column, last, values.column));
        if chart.kind == ChartType::Line {
            let mut line = ChartLine::new();
            series.set_format(ChartFormat::new().set_line(line.set_color(colour).set_width(2.0)));
        } else {
            let mut fill = ChartSolidFill::new();
            series.set_format(ChartFormat::new().set_solid_fill(fill.set_color(colour))).set_gap(40);
        }
        if is_labelled {
            let mut label = ChartDataLabel::new();
            // The label of a zero is hidden.
            series.set_data_label(label.show_value().set_num_format("#,##0;;").set_font(&font(8)));
        }
    }
    let mut rule = ChartLine::new();
    rule.set_color(Color::RGB(0xE5_E5_E5));
    native.x_axis().set_font(&font(8));
    native.y_axis().set_font(&font(8));
    if is_bar {
        // Names are on the vertical axis, first row on top; values are on the bars.
        native.y_axis().set_reverse().set_major_gridlines(false);
        native.x_axis().set_hidden(true).set_major_gridlines(false);
    } else {
        native.y_axis().set_num_format("#,##0").set_major_gridlines(true).set_major_gridlines_line(&rule);
    }
    if chart.values.len() == 1 {
        native.legend().set_hidden();
    } else {
        native.legend().set_position(ChartLegendPosition::Bottom).set_font(&font(9));
    }
    native.chart_area().set_format(ChartFormat::new().set_no_border());
    native.set_width(area.width).set_height(area.height);
    native.set_alt_text(chart.title);
    sheet.insert_chart_with_offset(area.row, area.column, &native, OFFSET, OFFSET).map_err(failed)?;
    Ok(())
}
