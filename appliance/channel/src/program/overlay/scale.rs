//! Scales a picture while it is being read, row by row: memory is needed for the result alone.

/// A triangle filter, as wide as one pixel of the coarser side: smooth when enlarging, without aliases when
/// reducing (Turkowski, "Filters for Common Resampling Tasks", 1990).
struct Weights {
    /// For each input position: the outputs that it adds to, and how much.
    of: Vec<Vec<(usize, f32)>>,
}

impl Weights {
    fn new(from: usize, to: usize) -> Weights {
        let mut of = vec![Vec::new(); from];
        let scale = from as f64 / to as f64;
        let reach = scale.max(1.0);
        for out in 0..to {
            let centre = (out as f64 + 0.5) * scale;
            let first = (centre - reach - 0.5).ceil().max(0.0) as usize;
            let last = ((centre + reach - 0.5).floor().max(0.0) as usize).min(from - 1);
            let weight = |i: usize| (1.0 - ((i as f64 + 0.5 - centre) / reach).abs()).max(0.0);
            let sum: f64 = (first..=last).map(weight).sum();
            for (i, of) in of.iter_mut().enumerate().take(last + 1).skip(first) {
                let share = (weight(i) / sum) as f32;
                if share > 0.0 {
                    of.push((out, share));
                }
            }
        }
        Weights { of }
    }
}

/// Takes rows of RGBA and makes a picture of another size, multiplied by its alpha.
pub(super) struct Scaler {
    across: Weights,
    down: Weights,
    width: usize,
    row: Vec<[f32; 4]>,
    out: Vec<[f32; 4]>,
    rows: usize,
}

impl Scaler {
    /// Both sizes are width and height, at least 1 by 1.
    pub(super) fn new(from: (u32, u32), to: (u32, u32)) -> Scaler {
        let (width, height) = (to.0 as usize, to.1 as usize);
        Scaler {
            across: Weights::new(from.0 as usize, width),
            down: Weights::new(from.1 as usize, height),
            width,
            row: vec![[0.0; 4]; width],
            out: vec![[0.0; 4]; width * height],
            rows: 0,
        }
    }

    /// Takes the next row: red, green, blue and alpha of each pixel, not multiplied.
    pub(super) fn push(&mut self, pixels: impl Iterator<Item = [u8; 4]>) {
        let Some(down) = self.down.of.get(self.rows) else { return };
        self.rows += 1;
        self.row.fill([0.0; 4]);
        for (across, [r, g, b, alpha]) in self.across.of.iter().zip(pixels) {
            let cover = f32::from(alpha) / 255.0;
            let pixel = [f32::from(r) * cover, f32::from(g) * cover, f32::from(b) * cover, f32::from(alpha)];
            for (x, weight) in across {
                add(&mut self.row[*x], pixel, *weight);
            }
        }
        for (y, weight) in down {
            let out = &mut self.out[y * self.width..][..self.width];
            out.iter_mut().zip(&self.row).for_each(|(out, pixel)| add(out, *pixel, *weight));
        }
    }

    /// The picture: RGBA, multiplied by alpha.
    pub(super) fn finish(self) -> Vec<u8> {
        self.out.iter().flatten().map(|level| level.round().clamp(0.0, 255.0) as u8).collect()
    }
}

fn add(to: &mut [f32; 4], pixel: [f32; 4], weight: f32) {
    to.iter_mut().zip(pixel).for_each(|(to, level)| *to += level * weight);
}
