//! Looks at live sources for the director: some pixels of their newest picture, and whether their sound was silent.

use super::picture::I420Ref;
use automation::clock::Running;
use automation::id::SourceId;
use automation::sight::{COLUMNS, LOOK_EVERY_MS, POINTS, ROWS};
use std::collections::BTreeSet;

/// Which sources have a picture that has not been looked at, and when the next look is.
#[derive(Debug, Default)]
pub(super) struct Eyes {
    fresh: BTreeSet<SourceId>,
    next: Running,
}

impl Eyes {
    /// A source has a new picture.
    pub(super) fn fresh(&mut self, source: &SourceId) {
        if !self.fresh.contains(source) {
            self.fresh.insert(source.clone());
        }
    }

    /// Whether it is time to look. True once for each time.
    pub(super) fn are_due(&mut self, at: Running) -> bool {
        let due = at >= self.next;
        if due {
            self.next = at.plus_ms(LOOK_EVERY_MS);
        }
        due
    }

    /// Whether a source has a picture that has not been looked at. True once for each.
    pub(super) fn take(&mut self, source: &SourceId) -> bool {
        self.fresh.remove(source)
    }
}

/// The luma of [`POINTS`] pixels, spread evenly over a picture, row by row.
pub(super) fn sample(picture: &I420Ref<'_>) -> [u8; POINTS] {
    let (width, height) = (picture.width as usize, picture.height as usize);
    let mut points = [0; POINTS];
    for (r, points) in points.chunks_exact_mut(COLUMNS).enumerate() {
        let row = picture.y.row((2 * r + 1) * height / (2 * ROWS), width);
        for (c, point) in points.iter_mut().enumerate() {
            *point = row[(2 * c + 1) * width / (2 * COLUMNS)];
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::super::picture::I420;
    use super::*;

    #[test]
    fn pixels_are_taken_from_all_over_the_picture_of_any_size() {
        for (width, height) in [(176, 144), (1920, 1080), (32, 18), (90, 160)] {
            let size = (width * height) as usize;
            // Each row of luma is its own number, so that the places of the samples can be read.
            let mut data = vec![128; size * 3 / 2];
            for y in 0..height as usize {
                data[y * width as usize..][..width as usize].fill((y * 200 / height as usize) as u8);
            }
            let picture = I420 { width, height, data };
            let points = sample(&picture.as_ref());
            let column: Vec<u8> = points.iter().step_by(COLUMNS).copied().collect();
            assert!(column.windows(2).all(|pair| pair[0] < pair[1]), "{width}x{height}: {column:?}");
            assert!(column[0] < 12 && column[ROWS - 1] >= 188, "{width}x{height}: {column:?}");
        }
    }

    #[test]
    fn each_picture_is_looked_at_once_and_not_too_often() {
        let (mut eyes, id) = (Eyes::default(), SourceId::new("cam1").unwrap());
        let at = |ms| Running(0).plus_ms(ms);
        assert!(eyes.are_due(at(0)) && !eyes.are_due(at(LOOK_EVERY_MS - 1)) && eyes.are_due(at(LOOK_EVERY_MS)));
        assert!(!eyes.take(&id));
        eyes.fresh(&id);
        eyes.fresh(&id);
        assert!(eyes.take(&id) && !eyes.take(&id));
    }
}
