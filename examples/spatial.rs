//! Draws feature maps before and after spatial dropout (`Dropout2d`), which drops whole maps, and beside it DropBlock and element dropout.
//!
//! `cargo run --release -p dropout-kernels-examples --example spatial`, and options after `--`: see `--help`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::arguments::{self, Arguments};
use common::chart;
use common::data::{FashionMnist, PIXELS, SIDE};
use dropout_kernels::{Address, DropBlock, Dropout, Layout, Mask, Mode, Rate};
use ndarray::{Array2, ShapeError, arr2, s};
use plotters::coord::Shift;
use plotters::prelude::*;

const HELP: &str = "\
Draws feature maps of two images, whole and after three kinds of dropout.

  -p, --rate P         rate of the dropout [0.5]
      --seed N         seed of the masks [42]
  -o, --output FILE    where the picture goes [target/spatial.svg]
  -h, --help           this text";

const IMAGES: usize = 2;
const BLOCK: usize = 7;
const MAPS: usize = FILTERS.len();

const FILTERS: [(&str, [[f32; 3]; 3]); 8] = [
    ("blur", [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]),
    ("sharpen", [[0.0, -1.0, 0.0], [-1.0, 5.0, -1.0], [0.0, -1.0, 0.0]]),
    ("outline", [[-1.0, -1.0, -1.0], [-1.0, 8.0, -1.0], [-1.0, -1.0, -1.0]]),
    ("emboss", [[-2.0, -1.0, 0.0], [-1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]),
    ("edges |", [[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]),
    ("edges -", [[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]]),
    ("edges /", [[-2.0, -1.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]]),
    ("edges \\", [[0.0, 1.0, 2.0], [-1.0, 0.0, 1.0], [-2.0, -1.0, 0.0]]),
];

struct Options {
    rate: Rate,
    seed: u64,
    output: PathBuf,
}

fn main() -> ExitCode {
    arguments::main(HELP, options, run)
}

fn run(&Options { rate, seed, ref output }: &Options) -> Result<(), Box<dyn Error>> {
    let maps = feature_maps(&FashionMnist::load()?.test.images)?;

    let by_map = Address { seed, layer: 0, ..Address::default() };
    let by_element = Address { layer: 1, ..by_map };
    let by_block = Address { layer: 2, ..by_map };
    let dropout = Dropout::new(rate);
    let dropout2d = dropout.with_layout(Layout::nchw([IMAGES, MAPS, SIDE, SIDE])?);
    let drop_block = DropBlock::nchw(rate, [BLOCK; 2], [IMAGES, MAPS, SIDE, SIDE])?;
    let mut words = vec![0; drop_block.mask_words()];
    let blocks = drop_block.draw(by_block, &mut words)?;
    let [mut without_maps, mut without_blocks, mut without_elements] = [(); 3].map(|()| maps.clone());
    dropout2d.apply_in_place(Mode::Train(by_map), &mut without_maps)?;
    drop_block.apply_in_place(Some(blocks), &mut without_blocks)?;
    dropout.apply_in_place(Mode::Train(by_element), &mut without_elements)?;

    let mut kept_maps = [false; IMAGES * MAPS];
    let mut kept_elements = [false; IMAGES * MAPS * PIXELS];
    Mask::new(rate, by_map).bools(&mut kept_maps)?;
    Mask::new(rate, by_element).bools(&mut kept_elements)?;
    println!("image  map         Dropout2d  Dropout");
    for (i, (kept, elements)) in kept_maps.iter().zip(kept_elements.chunks(PIXELS)).enumerate() {
        let (image, map, verdict) = (i / MAPS, FILTERS[i % MAPS].0, if *kept { "kept" } else { "dropped" });
        let elements = elements.iter().filter(|&&kept| kept).count();
        println!("{image:<7}{map:<12}{verdict:<11}{elements} of {PIXELS} elements kept");
    }
    let tensors = [
        ("feature maps", &maps[..]),
        ("Dropout2d", &without_maps),
        ("DropBlock", &without_blocks),
        ("Dropout", &without_elements),
    ];
    draw(output, tensors)?;
    println!("\npicture: {}", output.display());
    Ok(())
}

fn options(arguments: &mut Arguments) -> Result<Options, Box<dyn Error>> {
    Ok(Options {
        rate: arguments.rate(["-p", "--rate"], 0.5)?,
        seed: arguments.value("--seed", 42)?,
        output: arguments.output("spatial.svg")?,
    })
}

/// The first images under every filter: a tensor of images x filters x side x side.
fn feature_maps(images: &Array2<f32>) -> Result<Vec<f32>, ShapeError> {
    let mut maps = Vec::new();
    for image in images.rows().into_iter().take(IMAGES) {
        let mut padded = Array2::zeros((SIDE + 2, SIDE + 2));
        padded.slice_mut(s![1..=SIDE, 1..=SIDE]).assign(&image.to_shape((SIDE, SIDE))?);
        for (_, filter) in FILTERS {
            maps.extend(padded.windows((3, 3)).into_iter().map(|window| (&window * &arr2(&filter)).sum()));
        }
    }
    Ok(maps)
}

/// Draws tensors of feature maps one below the other.
fn draw(path: &Path, tensors: [(&str, &[f32]); 4]) -> Result<(), Box<dyn Error>> {
    const FONT: (&str, i32) = ("sans-serif", 17);
    const LABELS: i32 = 120;
    // Over all tensors, so that the scale of what dropout keeps is seen.
    let peak = |map: usize| {
        let values = tensors.iter().flat_map(|(_, tensor)| &tensor[map * PIXELS..][..PIXELS]);
        values.fold(0.0_f32, |peak, value| peak.max(value.abs()))
    };
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (880, 880)).into_drawing_area();
        root.fill(&WHITE)?;
        let (heading, body) = root.margin(12, 0, 16, 16).split_vertically(30);
        let (_, heading) = heading.split_horizontally(LABELS);
        for (area, (filter, _)) in heading.split_evenly((1, MAPS)).iter().zip(FILTERS) {
            area.draw(&Text::new(filter, (0, 4), FONT))?;
        }
        for (band, (name, tensor)) in body.split_evenly((tensors.len(), 1)).iter().zip(tensors) {
            let (label, grid) = band.margin(0, 20, 0, 0).split_horizontally(LABELS);
            label.draw(&Text::new(name, (0, 0), FONT))?;
            for (i, area) in grid.split_evenly((IMAGES, MAPS)).iter().enumerate() {
                draw_map(area, &tensor[i * PIXELS..][..PIXELS], peak(i))?;
            }
        }
        root.present()?;
    }
    chart::save(path, &svg)
}

/// Red above zero, blue below, white for exactly zero.
fn draw_map(area: &DrawingArea<SVGBackend, Shift>, map: &[f32], peak: f32) -> Result<(), Box<dyn Error>> {
    const PIXEL: i32 = 3;
    const FRAME: i32 = 28 * PIXEL;
    for (row, y) in map.chunks(SIDE).zip(0..) {
        for (&value, x) in row.iter().zip(0..).filter(|(value, _)| **value != 0.0) {
            let colour = if value > 0.0 { RED } else { BLUE }.mix((value.abs() / peak).into());
            area.draw(&Rectangle::new([(x * PIXEL, y * PIXEL), ((x + 1) * PIXEL, (y + 1) * PIXEL)], colour.filled()))?;
        }
    }
    area.draw(&Rectangle::new([(0, 0), (FRAME, FRAME)], BLACK.mix(0.3)))?;
    Ok(())
}
