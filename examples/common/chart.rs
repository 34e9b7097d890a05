//! Line charts side by side, as an SVG file.

use std::error::Error;
use std::fs;
use std::ops::Range;
use std::path::Path;

use plotters::prelude::*;

/// Told apart by readers of any colour vision (Okabe and Ito).
const COLOURS: [RGBColor; 4] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
const FONT: &str = "sans-serif";
const SIZE: (u32, u32) = (1120, 480);
const HEADING: u32 = 80;
const LEGEND_ENTRY: usize = 280;

/// One chart.
pub struct Panel<'a> {
    pub x_label: &'a str,
    pub y_label: &'a str,
    /// One a name, in the order of the names; its points by x.
    pub curves: Vec<Vec<(f64, f64)>>,
}

/// Draws the panels from left to right, up to four curves each, below a title and one legend for all of them.
pub fn draw(path: &Path, title: &str, names: &[String], panels: &[Panel]) -> Result<(), Box<dyn Error>> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let (heading, body) = root.split_vertically(HEADING);
        heading.draw(&Text::new(title, (24, 14), (FONT, 22)))?;
        for ((name, colour), x) in names.iter().zip(COLOURS).zip((24..).step_by(LEGEND_ENTRY)) {
            heading.draw(&PathElement::new([(x, 58), (x + 32, 58)], colour.stroke_width(3)))?;
            heading.draw(&Text::new(name.as_str(), (x + 40, 50), (FONT, 17)))?;
        }
        for (area, panel) in body.split_evenly((1, panels.len())).iter().zip(panels) {
            let mut chart = ChartBuilder::on(area)
                .margin(16)
                .margin_right(24)
                .x_label_area_size(48)
                .y_label_area_size(72)
                .build_cartesian_2d(range(panel, |&(x, _)| x, 0.0), range(panel, |&(_, y)| y, 0.05))?;
            chart
                .configure_mesh()
                .x_desc(panel.x_label)
                .y_desc(panel.y_label)
                .x_label_formatter(&f64::to_string)
                .y_label_formatter(&|y| format!("{y:.3}"))
                .axis_desc_style((FONT, 17))
                .label_style((FONT, 15))
                .light_line_style(TRANSPARENT)
                .draw()?;
            for (curve, colour) in panel.curves.iter().zip(COLOURS) {
                chart.draw_series(LineSeries::new(curve.iter().copied(), colour.filled().stroke_width(2)).point_size(2))?;
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

/// The range of a coordinate over all points of a panel, and a margin of this part of it on both sides.
fn range(panel: &Panel, coordinate: impl Fn(&(f64, f64)) -> f64, margin: f64) -> Range<f64> {
    let values = || panel.curves.iter().flatten().map(&coordinate);
    let (min, max) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let margin = margin * (max - min);
    min - margin..max + margin
}
