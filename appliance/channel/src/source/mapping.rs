//! From a live source's own time to the machine's clock.
//!
//! The first second decides: the quickest arrival in it is taken as the source's true pace, so a burst (a cached
//! group of pictures) does not become delay. Then the offset follows the source's clock slowly, at most 500 parts
//! per million, and jumps only where time itself has jumped: a source that restarted its count, a long stall, a
//! burst of what is old. Picture and sound share the offset, which keeps lips in step.

/// Time in which the quickest arrival sets the offset.
const SETTLE_NS: u64 = 1_000_000_000;
/// Pictures this much later than due, or earlier than the jitter buffer explains, mean that time jumped.
const JUMP_NS: i64 = 800_000_000;
/// How often the offset follows, and how far at most: 500 ppm.
const FOLLOW_EVERY_NS: u64 = 2_000_000_000;
const FOLLOW_NS_MAX: i64 = 1_000_000;

/// The mapping of one connection of a live source.
#[derive(Debug)]
pub(super) struct Mapping {
    latency_ns: i64,
    offset_ns: Option<i64>,
    settled_at_ns: u64,
    window_ends_ns: u64,
    least_lead_ns: i64,
    jumps: u64,
}

impl Mapping {
    /// A mapping with a jitter buffer of `latency_ms`.
    pub(super) fn new(latency_ms: u32) -> Mapping {
        Mapping {
            latency_ns: i64::from(latency_ms) * 1_000_000,
            offset_ns: None,
            settled_at_ns: 0,
            window_ends_ns: 0,
            least_lead_ns: i64::MAX,
            jumps: 0,
        }
    }

    /// A picture that was sent at the stream's time `stream_ns` arrived at `now_ns`, before decoding.
    pub(super) fn arrived(&mut self, stream_ns: u64, now_ns: u64) {
        let fitting = now_ns as i64 + self.latency_ns - stream_ns as i64;
        let Some(offset) = self.offset_ns else {
            self.begin(fitting, now_ns);
            return;
        };
        let lead = stream_ns as i64 + offset - now_ns as i64;
        if lead < -JUMP_NS || lead > self.latency_ns + JUMP_NS {
            self.jumps += 1;
            tracing::info!(lead_ms = lead / 1_000_000, jumps = self.jumps, "a source's time jumped");
            self.begin(fitting, now_ns);
            return;
        }
        if now_ns < self.settled_at_ns {
            self.offset_ns = Some(offset.min(fitting));
            return;
        }
        self.least_lead_ns = self.least_lead_ns.min(lead);
        if now_ns >= self.window_ends_ns {
            let surplus = self.least_lead_ns - self.latency_ns;
            self.offset_ns = Some(offset - surplus.clamp(-FOLLOW_NS_MAX, FOLLOW_NS_MAX));
            self.least_lead_ns = i64::MAX;
            self.window_ends_ns = now_ns + FOLLOW_EVERY_NS;
        }
    }

    fn begin(&mut self, offset_ns: i64, now_ns: u64) {
        self.offset_ns = Some(offset_ns);
        self.settled_at_ns = now_ns + SETTLE_NS;
        self.window_ends_ns = self.settled_at_ns + FOLLOW_EVERY_NS;
        self.least_lead_ns = i64::MAX;
    }

    /// When what carries the stream's time `stream_ns` is due; none before the first picture.
    pub(super) fn due(&self, stream_ns: u64) -> Option<u64> {
        u64::try_from(stream_ns as i64 + self.offset_ns?).ok()
    }

    /// How often time has jumped.
    #[cfg(test)]
    fn jumps(&self) -> u64 {
        self.jumps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    /// Feeds 30 pictures a second from `from_s` to `to_s` with the arrival that `arrival` gives, in milliseconds.
    fn feed(mapping: &mut Mapping, from_s: u64, to_s: u64, arrival: impl Fn(u64) -> u64) {
        for n in from_s * 30..to_s * 30 {
            let stream_ms = n * 1000 / 30;
            mapping.arrived(stream_ms * MS, arrival(stream_ms) * MS);
        }
    }

    #[test]
    fn a_steady_source_is_due_after_its_latency() {
        let mut mapping = Mapping::new(300);
        feed(&mut mapping, 0, 60, |ms| 5_000 + ms);
        assert_eq!(mapping.due(60_000 * MS), Some(65_300 * MS));
        assert_eq!(mapping.jumps(), 0);
    }

    #[test]
    fn a_burst_at_the_start_is_no_delay() {
        let mut mapping = Mapping::new(300);
        // 700 ms of cached pictures arrive at once.
        feed(&mut mapping, 0, 10, |ms| 5_000 + ms.saturating_sub(700));
        assert_eq!(mapping.due(10_000 * MS), Some(14_600 * MS));
    }

    #[test]
    fn a_drifting_clock_is_followed() {
        let mut mapping = Mapping::new(300);
        // The source runs 200 ppm slow for an hour: 720 ms in all, and never a jump.
        feed(&mut mapping, 0, 3600, |ms| 5_000 + ms + ms / 5000);
        let due = mapping.due(3_600_000 * MS).unwrap() / MS;
        let right = 5_000 + 3_600_000 + 720 + 300;
        assert!(due.abs_diff(right) <= 5, "{due} is not near {right}");
        assert_eq!(mapping.jumps(), 0);
    }

    #[test]
    fn a_restarted_count_jumps_once() {
        let mut mapping = Mapping::new(300);
        feed(&mut mapping, 100, 110, |ms| ms);
        feed(&mut mapping, 0, 10, |ms| 110_000 + ms);
        assert_eq!(mapping.due(10_000 * MS), Some(120_300 * MS));
        assert_eq!(mapping.jumps(), 1);
    }

    #[test]
    fn nothing_is_due_before_the_first_picture() {
        assert_eq!(Mapping::new(300).due(0), None);
    }
}
