//! Line charts side by side, as an SVG file.

use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

/// Told apart by readers of any colour vision (Okabe and Ito).
pub const COLOURS: [RGBColor; 4] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
pub const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (1120, 480);
const HEADING: u32 = 44;
const LEGEND_ENTRY: i32 = 24;
const MARGIN: i32 = 16;
const Y_LABELS: i32 = 72;

/// One chart.
pub struct Panel<'a> {
    pub x_label: &'a str,
    pub y_label: &'a str,
    pub curves: Vec<Curve>,
}

/// A line in a chart.
pub struct Curve {
    pub name: String,
    /// By x.
    pub points: Vec<(f64, f64)>,
}

/// Draws the panels from left to right below a title, up to four curves each below their names.
pub fn draw(path: &Path, title: &str, panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    // As high for all of them, so that their axes are level.
    let entries = panels.iter().map(|panel| panel.curves.len()).max().unwrap_or_default();
    let legend_height = LEGEND_ENTRY * i32::try_from(entries)?;
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (heading, body) = root.split_vertically(HEADING);
        heading.draw(&Text::new(title, (24, 14), (FONT, 22)))?;
        for (area, panel) in body.split_evenly((1, panels.len())).iter().zip(panels) {
            let (legend, plot) = area.split_vertically(legend_height);
            let mut chart = ChartBuilder::on(&plot)
                .margin(MARGIN)
                .margin_right(24)
                .x_label_area_size(48)
                .y_label_area_size(Y_LABELS)
                .build_cartesian_2d(range(panel, |&(x, _)| x, 0.0), range(panel, |&(_, y)| y, 0.05))?;
            chart
                .configure_mesh()
                .x_desc(panel.x_label)
                .y_desc(panel.y_label)
                .x_label_formatter(&|&x| label(x))
                .y_label_formatter(&|y| format!("{y:.3}"))
                .axis_desc_style((FONT, 17))
                .label_style((FONT, 15))
                .light_line_style(TRANSPARENT)
                .draw()?;
            let x = MARGIN + Y_LABELS;
            for ((curve, colour), y) in panel.curves.iter().zip(COLOURS).zip((0..).map(|entry| entry * LEGEND_ENTRY)) {
                legend.draw(&PathElement::new([(x, y + 12), (x + 32, y + 12)], colour.stroke_width(3)))?;
                legend.draw(&Text::new(curve.name.as_str(), (x + 40, y + 4), (FONT, 17)))?;
                chart
                    .draw_series(LineSeries::new(curve.points.iter().copied(), colour.filled().stroke_width(2)).point_size(2))?;
            }
        }
        root.present()?;
    }
    save(path, &svg)
}

/// Writes a picture, and makes its directory where there is none.
pub fn save(path: &Path, svg: &str) -> Result<(), Box<dyn Error>> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, svg));
    written.map_err(|error| format!("{}: {error}", path.display()).into())
}

/// The coordinate as it was meant: in full precision, a multiple of 0.1 is 0.30000000000000004.
#[expect(clippy::cast_possible_truncation, reason = "this is what hides the difference")]
fn label(x: f64) -> String {
    (x as f32).to_string()
}

/// The range of a coordinate over all points of a panel, and a margin of this part of it on both sides.
fn range(panel: &Panel, coordinate: impl Fn(&(f64, f64)) -> f64, margin: f64) -> Range<f64> {
    let values = || panel.curves.iter().flat_map(|curve| &curve.points).map(&coordinate);
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let margin = margin * (max - min);
    min - margin..max + margin
}
