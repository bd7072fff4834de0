//! Small files of each kind, by the formats' own rules.

/// A PNG of one grey pixel, with right checksums (ISO/IEC 15948).
pub const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0, 0, 1, 8, 0,
    0, 0, 0, 0x3A, 0x7E, 0x9B, 0x55, 0, 0, 0, 10, b'I', b'D', b'A', b'T', 0x78, 0x9C, 0x63, 0x68, 0, 0, 0, 0x82, 0,
    0x81, 0x77, 0xCD, 0x72, 0xB6, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82,
];

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut whole = (content.len() as u32 + 8).to_be_bytes().to_vec();
    whole.extend(kind);
    whole.extend(content);
    whole
}

/// An MP4 with a table and one track of pictures (ISO/IEC 14496-12); the pictures themselves are zeros.
pub fn mp4() -> Vec<u8> {
    let mut mvhd = vec![0; 12];
    mvhd.extend(1000_u32.to_be_bytes());
    mvhd.extend(4000_u32.to_be_bytes());
    let mut tkhd = vec![0; 76];
    tkhd.extend((640_u32 << 16).to_be_bytes());
    tkhd.extend((360_u32 << 16).to_be_bytes());
    let mut hdlr = vec![0; 8];
    hdlr.extend(b"vide");
    let track = [boxed(b"tkhd", &tkhd), boxed(b"mdia", &boxed(b"hdlr", &hdlr))].concat();
    let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), boxed(b"trak", &track)].concat());
    [boxed(b"ftyp", b"isom"), boxed(b"mdat", &[0; 300_000]), moov].concat()
}
