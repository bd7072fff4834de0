//! What arrives of a live source: its rates over the last seconds.

use automation::arrivals::Track;
use automation::clock::Running;

/// The rates look back on so long, milliseconds.
const WINDOW_MS: u64 = 2_000;

/// Counts what arrives.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    /// Pictures a second.
    pub fps: f32,
    /// Kilobits a second, pictures and sound, as they come: encoded, without what carries them.
    pub kbps: u32,
    /// Bytes since the source was added.
    pub bytes: u64,
    window: Window,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    begun: Running,
    pictures: u32,
    bytes: u64,
}

impl Meter {
    /// Something arrived. Answers whether the rates are new.
    pub(super) fn took(&mut self, track: Track, bytes: usize, now: Running) -> bool {
        self.bytes += bytes as u64;
        self.window.bytes += bytes as u64;
        self.window.pictures += u32::from(track == Track::Pictures);
        let passed_ms = now.ms_since(self.window.begun);
        if passed_ms < WINDOW_MS {
            return false;
        }
        let Window { pictures, bytes, .. } =
            std::mem::replace(&mut self.window, Window { begun: now, ..Window::default() });
        // A window that began before the source did says nothing.
        let whole = passed_ms < 2 * WINDOW_MS;
        self.fps = if whole { pictures as f32 * 1000.0 / passed_ms as f32 } else { 0.0 };
        self.kbps = if whole { (bytes * 8 / passed_ms) as u32 } else { 0 };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_those_of_the_last_seconds() {
        let mut meter = Meter::default();
        let mut now = Running(0).plus_ms(100_000);
        let mut run = |meter: &mut Meter, seconds: u64, picture_bytes: usize| {
            for tick in 0..seconds * 50 {
                now = now.plus_ms(20);
                if tick % 2 == 0 {
                    meter.took(Track::Pictures, picture_bytes, now);
                }
                meter.took(Track::Sound, 400, now);
            }
        };
        run(&mut meter, 1, 10_000);
        assert_eq!((meter.fps, meter.kbps), (0.0, 0), "nothing is known of what lies before it");
        run(&mut meter, 5, 10_000);
        assert!((meter.fps - 25.0).abs() < 0.6, "{} pictures a second", meter.fps);
        assert!((2_120..2_200).contains(&meter.kbps), "25 × 80 and 50 × 3.2 kbit: {}", meter.kbps);
        run(&mut meter, 5, 20_000);
        assert!((4_110..4_220).contains(&meter.kbps), "{}", meter.kbps);
        assert_eq!(meter.bytes, 11 * 50 * 400 + 6 * 25 * 10_000 + 5 * 25 * 20_000);
        // It was away for long.
        meter.took(Track::Sound, 400, now.plus_ms(60_000));
        assert_eq!((meter.fps, meter.kbps), (0.0, 0));
    }
}
