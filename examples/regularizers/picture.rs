//! The figures of all recipes on common scales, as an SVG file.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::Measured;
use super::statistics::{ACCURACY, Figure, LOSS, Sample, by_seed};
use common::chart::{COLOURS, FONT, save};

const WIDTH: u32 = 1120;
const HEADING: i32 = 80;
const NAMES: i32 = 240;
const ROW: i32 = 26;
/// Above each recipe that others add dropout to.
const GAP: i32 = 12;
const X_LABELS: i32 = 56;
const WITHOUT: RGBColor = COLOURS[0];
const WITH: RGBColor = COLOURS[1];

/// A recipe's row: how high its middle is above the axis, in pixels.
type Row<'a> = (&'a Measured, i32);

/// Two panels, in which each recipe has a row.
pub fn draw(path: &Path, title: &str, measured: &[Measured]) -> Result<(), Box<dyn Error>> {
    // From the last recipe up to the first.
    let mut height = GAP;
    let mut rows: Vec<Row> = Vec::new();
    for measured in measured.iter().rev() {
        rows.push((measured, height + ROW / 2));
        height += if measured.recipe.drops { ROW } else { ROW + GAP };
    }
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (WIDTH, u32::try_from(HEADING + height + X_LABELS)?)).into_drawing_area();
        root.fill(&WHITE)?;
        root.draw(&Text::new(title, (24, 14), (FONT, 20)))?;
        for (x, colour, name) in [(24, WITHOUT, "without dropout"), (204, WITH, "with dropout")] {
            root.draw(&Circle::new((x + 8, 60), 6, colour.filled()))?;
            root.draw(&Text::new(name, (x + 22, 52), (FONT, 17)))?;
        }
        root.draw(&Text::new(
            "disc: mean, bar: standard deviation over the seeds, black: each seed",
            (NAMES + 120, 52),
            (FONT, 17),
        ))?;
        let (names, panels) = root.split_vertically(HEADING).1.split_horizontally(NAMES);
        for (measured, above) in &rows {
            names.draw(&Text::new(measured.recipe.name, (24, height - above - 6), (FONT, 17)))?;
        }
        for (area, (name, figure)) in panels.split_evenly((1, 2)).iter().zip([("test accuracy", ACCURACY), ("test loss", LOSS)]) {
            panel(area, name, figure, &rows, height)?;
        }
        root.present()?;
    }
    save(path, &svg)
}

fn panel(
    area: &DrawingArea<SVGBackend, Shift>,
    name: &str,
    figure: Figure,
    rows: &[Row],
    height: i32,
) -> Result<(), Box<dyn Error>> {
    let ends = |&(measured, _): &Row| {
        let Sample { mean, deviation, .. } = Sample::of_test(figure, &measured.outcomes);
        by_seed(figure, &measured.outcomes).into_iter().chain([mean - deviation, mean + deviation])
    };
    let (min, max) =
        rows.iter().flat_map(ends).fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (x.min(min), x.max(max)));
    let margin = 0.05 * (max - min);
    let mut chart = ChartBuilder::on(area)
        .margin_right(24)
        .x_label_area_size(X_LABELS)
        .build_cartesian_2d(min - margin..max + margin, 0..height)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .x_desc(name)
        .x_labels(6)
        .x_label_formatter(&|x| format!("{x:.2}"))
        .axis_desc_style((FONT, 17))
        .label_style((FONT, 15))
        .light_line_style(TRANSPARENT)
        .draw()?;
    for &(Measured { recipe, outcomes }, y) in rows {
        let colour = if recipe.drops { WITH } else { WITHOUT };
        let values = by_seed(figure, outcomes);
        let Sample { mean, deviation, .. } = Sample::of(&values);
        chart.draw_series([PathElement::new([(mean - deviation, y), (mean + deviation, y)], colour.mix(0.5).stroke_width(3))])?;
        chart.draw_series([Circle::new((mean, y), 6, colour.filled())])?;
        chart.draw_series(values.into_iter().map(|value| Circle::new((value, y), 2, BLACK.filled())))?;
    }
    Ok(())
}
