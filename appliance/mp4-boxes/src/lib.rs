//! The boxes of MP4 and MOV files (ISO/IEC 14496-12, 4.2): length, type and content, one within the other. Everything is
//! big-endian. Whoever wrote the file is not trusted: what does not fit is not there.

/// The boxes inside a box's content, in their order: type and content. Ends at the first that does not fit. A length
/// of 64 bits, which only `mdat` of the outermost level needs, does not.
///
/// ```
/// let content = b"\0\0\0\x0cfreeabcd\0\0\0\x08skip";
/// let all: Vec<_> = mp4_boxes::boxes(content).collect();
/// assert_eq!(all, [(*b"free", &b"abcd"[..]), (*b"skip", &b""[..])]);
/// ```
pub fn boxes(mut content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let whole = match u32_at(content, 0)? {
            // As long as what it lies in.
            0 => content.len(),
            whole => usize::try_from(whole).ok()?,
        };
        let kind: [u8; 4] = content.get(4..8)?.try_into().ok()?;
        let inside = content.get(8..whole)?;
        content = &content[whole..];
        Some((kind, inside))
    })
}

/// The content of the first box of this type inside a box's content.
pub fn inside<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(content).find(|(found, _)| found == kind).map(|(_, inside)| inside)
}

/// The number of 32 bits at a place, bytes from the beginning.
pub fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// The number of 64 bits at a place, bytes from the beginning.
pub fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a_box(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes(), &kind[..], content].concat()
    }

    #[test]
    fn boxes_are_found_one_within_the_other() {
        let film = [a_box(b"mvhd", &[1, 2, 3, 4]), a_box(b"trak", &a_box(b"tkhd", b"x")), a_box(b"trak", b"")].concat();
        let kinds: Vec<[u8; 4]> = boxes(&film).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [*b"mvhd", *b"trak", *b"trak"]);
        assert_eq!(inside(&film, b"trak").and_then(|trak| inside(trak, b"tkhd")), Some(&b"x"[..]), "the first one");
        assert_eq!(inside(&film, b"mdia"), None);
    }

    #[test]
    fn what_does_not_fit_is_not_there() {
        let good = a_box(b"free", b"ab");
        for (length, why) in [(11u32, "longer than what is there"), (7, "shorter than its head"), (u32::MAX, "huge")] {
            let bad = [&length.to_be_bytes()[..], b"trakab"].concat();
            assert_eq!(boxes(&[good.clone(), bad.clone(), good.clone()].concat()[..20]).count(), 1, "{why}");
            assert_eq!(boxes(&bad).count(), 0, "{why}");
        }
        assert_eq!(boxes(&[&[0; 4][..], b"mdatabc"].concat()).collect::<Vec<_>>(), [(*b"mdat", &b"abc"[..])]);
        assert_eq!(boxes(&good[..6]).count(), 0);
    }

    #[test]
    fn numbers_beyond_the_end_are_none() {
        let bytes = [0, 0, 1, 2, 0, 0, 0, 3];
        assert_eq!((u32_at(&bytes, 0), u32_at(&bytes, 4), u32_at(&bytes, 5)), (Some(258), Some(3), None));
        assert_eq!((u64_at(&bytes, 0), u64_at(&bytes, 1)), (Some(258 << 32 | 3), None));
        assert_eq!((u32_at(&bytes, usize::MAX), u64_at(&bytes, usize::MAX - 1)), (None, None));
    }
}
