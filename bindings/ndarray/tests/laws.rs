//! Views of random shapes, orders, steps and directions, against decisions of the mask contract one by one.

use dropout_kernels::{Address, AlphaDropout, Dropout, Error as KernelError, Mask, Mode, PackedMask, QuantizedDropout, Rate};
use dropout_kernels_ndarray::{ArrayLayer, Error};
use ndarray::{Array, Array2, Array3, ArrayD, ArrayViewMutD, Axis, IxDyn, ShapeBuilder, Slice, arr1, s};
use quickcheck::{Arbitrary, Gen, quickcheck};

/// How a view lies in an array that is larger than it.
#[derive(Clone, Debug)]
struct View {
    axes: Vec<Placed>,
    /// The axes in the order of memory, outermost first.
    order: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    extent: usize,
    step: isize,
    /// Elements before the view and behind it.
    margin: usize,
}

impl View {
    fn of(shape: &[usize], g: &mut Gen) -> Self {
        let mut place = |&extent: &usize| Placed {
            extent,
            step: *g.choose(&[1, 1, 1, -1, 2, -3]).unwrap(),
            margin: *g.choose(&[0, 0, 1]).unwrap(),
        };
        let axes = shape.iter().map(&mut place).collect();
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if bool::arbitrary(g) {
            for i in (1..order.len()).rev() {
                order.swap(i, usize::arbitrary(g) % (i + 1));
            }
        }
        Self { axes, order }
    }

    /// The larger array, in the order of memory, filled with 1, 2, 3 and so on.
    fn array(&self) -> ArrayD<f64> {
        let shape: Vec<usize> = self.order.iter().map(|&axis| self.axes[axis].len()).collect();
        let mut next = 0.0;
        Array::from_shape_simple_fn(IxDyn(&shape), || {
            next += 1.0;
            next
        })
    }

    fn view<'a>(&self, array: &'a mut ArrayD<f64>) -> ArrayViewMutD<'a, f64> {
        let mut view = array.view_mut();
        let mut places = vec![0; self.order.len()];
        self.order.iter().enumerate().for_each(|(place, &axis)| places[axis] = place);
        view = view.permuted_axes(places);
        for (i, axis) in self.axes.iter().enumerate() {
            let start = axis.margin.cast_signed();
            let end = (axis.len() - axis.margin).cast_signed();
            view.slice_axis_inplace(Axis(i), Slice::new(start, Some(end), axis.step));
        }
        view
    }
}

impl Placed {
    fn len(self) -> usize {
        let span = if self.extent == 0 { 0 } else { (self.extent - 1) * self.step.unsigned_abs() + 1 };
        span + 2 * self.margin
    }
}

#[derive(Clone, Debug)]
struct Case {
    shape: Vec<usize>,
    shared: Vec<usize>,
    input: View,
    output: View,
    p: f64,
    address: Address,
}

impl Arbitrary for Case {
    fn arbitrary(g: &mut Gen) -> Self {
        let rank = usize::arbitrary(g) % 6;
        // Some arrays are larger than a tile.
        let extents: &[usize] = match rank {
            0..=1 => &[0, 1, 2, 129, 1024, 1025, 3000],
            2 => &[0, 1, 2, 5, 64, 129],
            _ => &[1, 1, 2, 3, 5, 7],
        };
        let shape: Vec<usize> = (0..rank).map(|_| *g.choose(extents).unwrap()).collect();
        let shared = if bool::arbitrary(g) { (0..rank).filter(|_| bool::arbitrary(g)).collect() } else { vec![] };
        let input = View::of(&shape, g);
        let output = if bool::arbitrary(g) { input.clone() } else { View::of(&shape, g) };
        let seed = u64::arbitrary(g);
        let address = Address { seed, layer: 1, step: 2, offset: *g.choose(&[0, 77, 1 << 40]).unwrap() };
        Self { shape, shared, input, output, p: *g.choose(&[0.0, 0.1, 0.5, 0.9]).unwrap(), address }
    }
}

impl Case {
    fn axes(&self) -> Vec<Axis> {
        self.shared.iter().map(|&axis| Axis(axis)).collect()
    }

    fn rate(&self) -> Rate {
        Rate::new(self.p).unwrap()
    }

    /// Whether each element keeps, in row-major order.
    fn keeps(&self) -> ArrayD<bool> {
        let mask = Mask::new(self.rate(), self.address);
        Array::from_shape_fn(IxDyn(&self.shape), |index| {
            let kept_axes = (0..self.shape.len()).filter(|axis| !self.shared.contains(axis));
            let decision = kept_axes.fold(0, |decision, axis| decision * self.shape[axis] + index[axis]);
            mask.keeps(decision as u64).unwrap()
        })
    }

    /// Asserts that the view of `array` has become what `expected` makes of it, and nothing else has changed.
    fn check(&self, view: &View, before: &ArrayD<f64>, after: &ArrayD<f64>, expected: impl Fn(f64, f64, bool) -> f64) {
        let mut model = before.clone();
        let mut input = self.input.array();
        let input = self.input.view(&mut input);
        ndarray::azip!((y in view.view(&mut model), &mut x in input, &keep in &self.keeps()) *y = expected(*y, x, keep));
        assert_eq!(model, after, "{self:?}");
    }
}

quickcheck! {
    fn from_one_view_to_another(case: Case) -> () {
        let layer = ArrayLayer::new(Dropout::new(case.rate())).sharing(&case.axes());
        let scale = case.rate().scale();
        let (mut x, mut y) = (case.input.array(), case.output.array());
        let before = y.clone();
        layer.apply(Mode::Train(case.address), case.input.view(&mut x).view(), case.output.view(&mut y)).unwrap();
        case.check(&case.output, &before, &y, |_, x, keep| if keep { x * scale } else { 0.0 });
        assert_eq!(x, case.input.array());

        let mut z = case.output.array();
        layer.backward(Mode::Train(case.address), case.input.view(&mut x).view(), case.output.view(&mut z)).unwrap();
        assert_eq!(z, y);
    }

    fn in_place(case: Case) -> () {
        let layer = ArrayLayer::new(Dropout::new(case.rate())).sharing(&case.axes());
        let scale = case.rate().scale();
        let before = case.input.array();
        let mut x = before.clone();
        layer.apply_in_place(Mode::Train(case.address), case.input.view(&mut x)).unwrap();
        case.check(&case.input, &before, &x, |x, _, keep| if keep { x * scale } else { 0.0 });

        let mut z = before.clone();
        layer.backward_in_place(Mode::Train(case.address), case.input.view(&mut z)).unwrap();
        assert_eq!(z, x);
    }

    /// Its two passes differ.
    fn alpha(case: Case) -> () {
        let layer = ArrayLayer::new(AlphaDropout::new(case.rate())).sharing(&case.axes());
        let (q, limit) = (case.rate().keep(), -1.758_099_340_847_376_6);
        let a = 1.0 / (q + limit * limit * q * (1.0 - q)).sqrt();
        let b = a * (q - 1.0) * limit;
        let mode = Mode::Train(case.address);
        let before = case.input.array();
        let mut x = before.clone();
        layer.apply_in_place(mode, case.input.view(&mut x)).unwrap();
        case.check(&case.input, &before, &x, |x, _, keep| if keep { a * x + b } else { a * q * limit });

        let mut y = case.output.array();
        let before = y.clone();
        layer.backward(mode, case.input.view(&mut case.input.array()).view(), case.output.view(&mut y)).unwrap();
        case.check(&case.output, &before, &y, |_, x, keep| if keep { a * x } else { 0.0 });
    }

    /// Boxes of a tensor, each in its own array, are the tensor.
    fn parts(case: Case, cuts: Vec<(u16, u16)>) -> () {
        let axes = case.axes();
        let layer = ArrayLayer::new(Dropout::new(case.rate())).sharing(&axes);
        let mut whole = ArrayD::<f64>::ones(IxDyn(&case.shape));
        layer.apply_in_place(Mode::Train(case.address), whole.view_mut()).unwrap();

        let mut cuts = cuts.into_iter().chain([(0, u16::MAX)]).cycle();
        let start: Vec<usize> = case.shape.iter().map(|&extent| usize::from(cuts.next().unwrap().0) % (extent + 1)).collect();
        let end = start.iter().zip(&case.shape).map(|(&start, &extent)| {
            start + usize::from(cuts.next().unwrap().1) % (extent - start + 1)
        });
        let slices: Vec<Slice> = start.iter().zip(end).map(|(&start, end)| Slice::from(start..end)).collect();
        let expected = whole.slice_each_axis(|axis| slices[axis.axis.index()]);

        let part = layer.part_of(&case.shape, &start);
        let mut x = ArrayD::<f64>::ones(expected.raw_dim());
        part.apply_in_place(Mode::Train(case.address), x.view_mut()).unwrap();
        assert_eq!(x, expected, "{case:?} from {start:?}");
        let mut y = ArrayD::<f64>::zeros(expected.raw_dim().f());
        part.backward(Mode::Train(case.address), ArrayD::ones(expected.raw_dim()).view(), y.view_mut()).unwrap();
        assert_eq!(y, expected, "{case:?} from {start:?}");
    }

    fn a_stored_mask(case: Case) -> () {
        let layer = ArrayLayer::new(Dropout::new(case.rate())).sharing(&case.axes());
        let unshared = (0..case.shape.len()).filter(|axis| !case.shared.contains(axis));
        let decisions = unshared.map(|axis| case.shape[axis]).product::<usize>();
        let mut words = vec![0; decisions.div_ceil(32)];
        Mask::new(case.rate(), case.address).words(decisions, &mut words).unwrap();
        let stored = Mode::Stored(PackedMask::new(&words, 0, decisions).unwrap());
        let (mut x, mut y) = (case.input.array(), case.input.array());
        layer.apply_in_place(stored, case.input.view(&mut x)).unwrap();
        layer.apply_in_place(Mode::Train(case.address), case.input.view(&mut y)).unwrap();
        assert_eq!(x, y);
    }
}

const TRAIN: Mode<'_> = Mode::Train(Address { seed: 42, layer: 0, step: 0, offset: 0 });

#[test]
fn evaluation_copies() {
    let x = Array::range(0.0_f32, 1500.0, 1.0).into_shape_with_order((30, 50)).unwrap();
    let mut y = Array2::zeros((50, 30)).reversed_axes();
    ArrayLayer::new(Dropout::new(Rate::new(0.5).unwrap())).apply(Mode::Eval, x.view(), y.view_mut()).unwrap();
    assert_eq!(x, y);
}

/// An input that repeats itself in memory.
#[test]
fn broadcasts() {
    let x = arr1(&[1.0_f32, 2.0, 3.0]);
    let x = x.broadcast((1000, 3)).unwrap();
    let layer = ArrayLayer::new(Dropout::new(Rate::new(0.5).unwrap()));
    let (mut y, mut z) = (Array2::zeros((1000, 3)), x.to_owned());
    layer.apply(TRAIN, x, y.view_mut()).unwrap();
    layer.apply_in_place(TRAIN, z.view_mut()).unwrap();
    assert_eq!(y, z);
}

#[test]
fn integers() {
    let layer = ArrayLayer::new(QuantizedDropout::new(Rate::new(0.5).unwrap(), 0));
    let (mut x, mut y) = (Array2::from_elem((40, 70), 3_i8), Array2::from_elem((70, 40), 3).reversed_axes());
    layer.apply_in_place(TRAIN, x.view_mut()).unwrap();
    layer.apply_in_place(TRAIN, y.view_mut()).unwrap();
    assert_eq!(x, y);
    let dropped = x.iter().filter(|&&x| x == 0).count();
    assert!((1200..1600).contains(&dropped), "{dropped} of 2800");
}

#[test]
fn refuses_parts_outside_of_the_whole() {
    let layer = ArrayLayer::new(Dropout::new(Rate::new(0.5).unwrap()));
    let part = |whole: &[usize], start: &[usize]| {
        // Every second row, in boxes, of which the first are inside.
        let mut x = Array2::<f32>::ones((100, 100));
        let error = layer.clone().part_of(whole, start).apply_in_place(TRAIN, x.slice_mut(s![..;2, ..])).unwrap_err();
        assert_eq!(x, Array2::ones((100, 100)));
        error
    };
    let outside = KernelError::Part { axis: 0, start: 30, extent: 50, whole: 79 };
    assert_eq!(part(&[79, 100], &[30, 0]), Error::Kernel(outside));
    let rank = |name, actual| Error::Kernel(KernelError::Length { name, expected: 3, actual });
    assert_eq!(part(&[79, 100, 1], &[0, 0, 0]), rank("shape", 2));
    assert_eq!(part(&[79, 100, 1], &[0]), rank("start", 1));
}

#[test]
fn errors_come_before_anything_is_written() {
    let layer = ArrayLayer::new(Dropout::new(Rate::new(0.5).unwrap()));
    let x = Array2::<f32>::ones((100, 100));
    // Every second row, in boxes.
    let mut y = Array3::<f32>::ones((100, 2, 100));
    let mut z = y.view_mut();
    let mut z = z.index_axis_mut(Axis(1), 0);

    let error = layer.apply(TRAIN, x.view().split_at(Axis(0), 50).0, z.view_mut()).unwrap_err();
    assert_eq!(error.to_string(), "an output of shape [100, 100]: expected [50, 100]");
    let error = layer.clone().sharing(&[Axis(2)]).apply(TRAIN, x.view(), z.view_mut()).unwrap_err();
    assert_eq!(error, Error::Kernel(KernelError::Axis { axis: 2, rank: 2 }));
    let late = Mode::Train(Address { offset: u64::MAX - 9_998, ..Address::default() });
    let error = layer.apply(late, x.view(), z.view_mut()).unwrap_err();
    assert_eq!(error, Error::Kernel(KernelError::IndexOverflow { offset: u64::MAX - 9_998, decisions: 10_000 }));
    let mut many = ArrayD::<f32>::ones(vec![1; 9]);
    let error = layer.apply_in_place(TRAIN, many.view_mut()).unwrap_err();
    assert_eq!(error, Error::Kernel(KernelError::Rank { rank: 9, most: 8 }));

    assert!(y.iter().all(|y| y.to_bits() == 1.0_f32.to_bits()));
}

/// More elements than a tile has, in rows and in columns.
#[test]
fn from_one_order_to_another() {
    let (rate, address) = (Rate::new(0.5).unwrap(), Address { seed: 3, ..Address::default() });
    let (layer, mask) = (ArrayLayer::new(Dropout::new(rate)), Mask::new(rate, address));
    let rows = Array2::from_shape_fn((70, 90), |(i, j)| (90 * i + j) as f64);
    let mut columns = Array2::zeros((70, 90).f());
    columns.assign(&rows);
    let expected = Array2::from_shape_fn((70, 90), |(i, j)| {
        let number = 90 * i + j;
        if mask.keeps(number as u64).unwrap() { 2.0 * number as f64 } else { 0.0 }
    });
    for (x, mut y) in [(&rows, Array2::zeros((70, 90).f())), (&columns, Array2::zeros((70, 90)))] {
        layer.apply(Mode::Train(address), x.view(), y.view_mut()).unwrap();
        assert_eq!(y, expected);
        layer.backward(Mode::Train(address), x.view(), y.view_mut()).unwrap();
        assert_eq!(y, expected);
        // Nothing is written where something is wrong.
        let too_far = Mode::Train(Address { offset: u64::MAX, ..address });
        assert!(layer.apply(too_far, x.view(), y.view_mut()).is_err());
        assert_eq!(y, expected);
    }
}
