//! The smallest level of H.264 that holds a format, by table A-1 of ITU-T H.264 (annex A.3) for the High profile.

use automation::spec::House;

/// One row of the table.
struct Limits {
    name: &'static str,
    /// Macroblocks per second.
    rate: u64,
    /// Macroblocks in a picture; neither side may have more than the root of eight times as many.
    picture: u64,
    /// Video bit rate and coded picture buffer, in units of 1000 bits.
    bits: u64,
    buffer: u64,
}

const fn limits(name: &'static str, rate: u64, picture: u64, bits: u64, buffer: u64) -> Limits {
    Limits { name, rate, picture, bits, buffer }
}

/// Up to the level that holds every house format; 1b, which needs a flag of its own, is left out.
const TABLE: [Limits; 13] = [
    limits("1.0", 1_485, 99, 64, 175),
    limits("1.1", 3_000, 396, 192, 500),
    limits("1.2", 6_000, 396, 384, 1_000),
    limits("1.3", 11_880, 396, 768, 2_000),
    limits("2.0", 11_880, 396, 2_000, 2_000),
    limits("2.1", 19_800, 792, 4_000, 4_000),
    limits("2.2", 20_250, 1_620, 4_000, 4_000),
    limits("3.0", 40_500, 1_620, 10_000, 10_000),
    limits("3.1", 108_000, 3_600, 14_000, 14_000),
    limits("3.2", 216_000, 5_120, 20_000, 20_000),
    limits("4.0", 245_760, 8_192, 20_000, 25_000),
    limits("4.1", 245_760, 8_192, 50_000, 62_500),
    limits("4.2", 522_240, 8_704, 50_000, 62_500),
];

/// The smallest level for a format whose coded picture buffer holds `buffer_ms` milliseconds of its bitrate.
pub(super) fn level(house: &House, buffer_ms: u32) -> &'static str {
    let (width, height) = (u64::from(house.width.div_ceil(16)), u64::from(house.height.div_ceil(16)));
    let picture = width * height;
    let (num, den) = (u64::from(house.rate.num), u64::from(house.rate.den));
    // The High profile may have 1250 bits where the table says 1000 (table A-2).
    let kbits = |units: u64| units * 5 / 4;
    let holds = |level: &&Limits| {
        let side = level.picture * 8;
        picture * num <= level.rate * den
            && picture <= level.picture
            && width * width <= side
            && height * height <= side
            && u64::from(house.video_kbps) <= kbits(level.bits)
            && u64::from(house.video_kbps) * u64::from(buffer_ms) <= kbits(level.buffer) * 1000
    };
    TABLE.iter().find(holds).unwrap_or(&TABLE[TABLE.len() - 1]).name
}

#[cfg(test)]
mod tests {
    use super::*;
    use automation::spec::Rate;

    #[test]
    fn each_limit_of_the_table_counts() {
        let check = |width, height, num, den, video_kbps, expected: &str| {
            let house = House { width, height, rate: Rate { num, den }, video_kbps, ..House::default() };
            house.check().expect("a format that may be");
            assert_eq!(level(&house, 2000), expected, "{width}x{height} {num}/{den} {video_kbps}");
        };
        check(1920, 1080, 30, 1, 4500, "4.0");
        check(1920, 1080, 30_000, 1001, 4500, "4.0");
        check(1920, 1080, 60, 1, 6000, "4.2");
        // Few pictures a second are still large ones.
        check(1920, 1080, 10, 1, 4500, "4.0");
        check(1920, 1080, 13, 1, 4500, "4.0");
        check(1088, 1088, 10, 1, 2000, "3.2");
        check(1280, 720, 30, 1, 3000, "3.1");
        check(1280, 720, 60, 1, 4500, "3.2");
        check(640, 360, 30, 1, 900, "3.0");
        // A long strip: its picture is small, its side is not.
        check(1920, 64, 10, 1, 200, "3.1");
        check(320, 180, 30, 1, 300, "1.3");
        // 8000 kbit/s for 2 s are 16 Mbit: more than level 3's buffer of 12.5.
        check(640, 360, 30, 1, 8000, "3.1");
        check(1920, 1088, 60, 1, 8000, "4.2");
    }
}
