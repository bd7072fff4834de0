use super::*;
use proptest::prelude::*;

/// A picture with padded rows, as decoders hand them out.
struct Padded {
    width: u32,
    height: u32,
    planes: [(Vec<u8>, usize); 3],
}

impl Padded {
    fn noise(width: u32, height: u32, padding: usize, mut seed: u32) -> Padded {
        let mut plane = |w: u32, h: u32| {
            let stride = w as usize + padding;
            // The last row ends with its last pixel.
            let bytes = stride * (h as usize - 1) + w as usize;
            let next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            };
            (std::iter::repeat_with(next).take(bytes).collect::<Vec<u8>>(), stride)
        };
        let planes = [plane(width, height), plane(width / 2, height / 2), plane(width / 2, height / 2)];
        Padded { width, height, planes }
    }

    fn lend(&self) -> I420Ref<'_> {
        let [y, u, v] = &self.planes;
        I420Ref {
            width: self.width,
            height: self.height,
            y: PlaneRef { data: &y.0, stride: y.1 },
            u: PlaneRef { data: &u.0, stride: u.1 },
            v: PlaneRef { data: &v.0, stride: v.1 },
        }
    }

    fn tight(&self) -> I420 {
        let mut out = I420::new(self.width, self.height);
        out.copy_from(&self.lend());
        out
    }
}

/// Asks `model(plane, x, y)` for every byte; within one.
fn check(out: &I420, model: impl Fn(usize, usize, usize) -> f64) {
    let lent = out.as_ref();
    let (w, h) = (out.width as usize, out.height as usize);
    for (i, (plane, w, h)) in [(lent.y, w, h), (lent.u, w / 2, h / 2), (lent.v, w / 2, h / 2)].into_iter().enumerate() {
        for y in 0..h {
            for (x, &is) in plane.row(y, w).iter().enumerate() {
                let wanted = model(i, x, y);
                assert!((f64::from(is) - wanted).abs() <= 1.0, "plane {i} at {x},{y}: {is}, not {wanted}");
            }
        }
    }
}

fn at(picture: &I420Ref<'_>, plane: usize, x: usize, y: usize) -> f64 {
    let plane = [picture.y, picture.u, picture.v][plane];
    f64::from(plane.data[y * plane.stride + x])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn mixing_is_a_weighted_mean(w in 1u32..40, h in 1u32..12, pa in 0usize..37, pb in 0usize..37, seed: u32, weight in 0u16..=256) {
        let (a, b) = (Padded::noise(w * 2, h * 2, pa, seed), Padded::noise(w * 2, h * 2, pb, !seed));
        let (a, b) = (a.lend(), b.lend());
        let share = f64::from(weight) / 256.0;
        let mut out = I420::new(w * 2, h * 2);
        mix(&mut out, &a, &b, weight);
        check(&out, |p, x, y| at(&a, p, x, y) * (1.0 - share) + at(&b, p, x, y) * share);
        towards_black(&mut out, &a, weight);
        check(&out, |p, x, y| at(&a, p, x, y) * (1.0 - share) + [16.0, 128.0, 128.0][p] * share);
    }

    #[test]
    fn a_sprite_covers_as_far_as_it_is_opaque(
        w in 1u32..24, h in 1u32..12, x in -30i32..60, y in -20i32..30, rgba: [u8; 4], seed: u32, opacity in 0u16..=256,
    ) {
        let pixel = [rgba[0].min(rgba[3]), rgba[1].min(rgba[3]), rgba[2].min(rgba[3]), rgba[3]];
        let sprite = Sprite::from_rgba(x, y, w * 2, h * 2, &pixel.repeat((w * h * 4) as usize));
        let below = Padded::noise(48, 24, 5, seed);
        let mut out = below.tight();
        blend(&mut out, &sprite, opacity);
        let (below, share) = (below.lend(), f64::from(opacity) / 256.0);
        let covers = |half: i32, px: usize, py: usize| {
            let (x, y, px, py) = ((x & !1) >> half, (y & !1) >> half, px as i32, py as i32);
            (x..x + ((w as i32 * 2) >> half)).contains(&px) && (y..y + ((h as i32 * 2) >> half)).contains(&py)
        };
        let colours = weighted(pixel.map(f32::from)).map(f64::from);
        check(&out, |p, px, py| {
            let keep = 1.0 - colours[3] / 255.0 * share;
            let old = at(&below, p, px, py);
            if covers(i32::from(p > 0), px, py) { colours[p] * share + old * keep } else { old }
        });
    }
}

#[test]
fn no_row_overflows() {
    // Every alpha, opacity and colour at its extremes: the sums are made in 16 bits.
    for alpha in 0..=255u8 {
        for opacity in 0..=256u16 {
            for data in [0, alpha / 2, alpha] {
                let mut out = [255u8, 0];
                blend_row(&mut out, &[data; 2], &[alpha; 2], opacity);
                let share = f64::from(opacity) / 256.0;
                let keep = 1.0 - f64::from(alpha) / 255.0 * share;
                for (is, below) in out.into_iter().zip([255.0, 0.0]) {
                    let wanted = (f64::from(data) * share + below * keep).min(255.0);
                    assert!((f64::from(is) - wanted).abs() <= 1.0, "{data} {alpha} {opacity}: {is}, not {wanted}");
                }
            }
        }
    }
}

#[test]
fn white_is_white_and_nothing_is_nothing() {
    let white = Sprite::from_rgba(2, 2, 4, 4, &[255; 64]);
    let clear = Sprite::from_rgba(2, 2, 4, 4, &[0; 64]);
    let mut out = Padded::noise(8, 8, 0, 7).tight();
    let before = out.clone();
    blend(&mut out, &clear, 256);
    blend(&mut out, &white, 0);
    assert_eq!(out, before);
    blend(&mut out, &white, 256);
    let lent = out.as_ref();
    assert_eq!(lent.y.row(2, 8)[2..6], [235; 4]);
    assert_eq!((lent.u.row(1, 4)[1], lent.v.row(1, 4)[1]), (128, 128));
}

#[test]
fn colours_are_those_of_bt_709() {
    // ITU-R BT.709 bars at 100 %, 8 bits.
    let bars = [
        ([255, 255, 0], [219, 16, 138]),
        ([0, 255, 255], [188, 154, 16]),
        ([0, 255, 0], [173, 42, 26]),
        ([255, 0, 255], [78, 214, 230]),
        ([255, 0, 0], [63, 102, 240]),
        ([0, 0, 255], [32, 240, 118]),
        ([0, 0, 0], [16, 128, 128]),
    ];
    for ([r, g, b], yuv) in bars {
        let [y, u, v, alpha] = weighted([r, g, b, 255].map(|c: u8| f32::from(c)));
        assert_eq!(([y, u, v], alpha), (yuv, 255), "{r} {g} {b}");
    }
}

#[test]
fn pictures_of_unlike_size_meet_where_both_are() {
    let (small, large) = (Padded::noise(8, 4, 3, 1), Padded::noise(32, 16, 3, 2));
    let mut out = I420::new(16, 8);
    mix(&mut out, &small.lend(), &large.lend(), 128);
    assert_eq!(out.as_ref().y.row(7, 16), [16; 16], "outside of the small one it stays as it was");
    out.copy_from(&large.lend());
    assert_eq!(out.as_ref().y.row(7, 16), large.lend().y.row(7, 16));
}
