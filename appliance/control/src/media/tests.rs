//! Files made by hand from the formats' own rules, whole and broken in every way that uploads break.

use super::*;
use std::io::Cursor;

fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut file = png::SIGNATURE.to_vec();
    for (kind, data) in chunks {
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(*kind);
        file.extend(*data);
        file.extend([0; 4]);
    }
    file
}

fn png_head(width: u32, height: u32) -> Vec<u8> {
    let mut head = Vec::new();
    head.extend(width.to_be_bytes());
    head.extend(height.to_be_bytes());
    head.extend([8, 6, 0, 0, 0]);
    head
}

fn jpeg() -> Vec<u8> {
    let mut file = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 1, 2];
    file.extend([0xFF, 0xC0, 0, 11, 8, 0x02, 0xD0, 0x05, 0x00, 1, 1, 0x11, 0]);
    file.extend([0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0]);
    file.extend([7; 300]);
    file.extend([0xFF, 0xD9]);
    file
}

fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut whole = (content.len() as u32 + 8).to_be_bytes().to_vec();
    whole.extend(kind);
    whole.extend(content);
    whole
}

fn moov(handler: &[u8; 4]) -> Vec<u8> {
    let mut mvhd = vec![0; 12];
    mvhd.extend(1000_u32.to_be_bytes());
    mvhd.extend(12_345_u32.to_be_bytes());
    let mut tkhd = vec![0; 76];
    tkhd.extend((640_u32 << 16).to_be_bytes());
    tkhd.extend((272_u32 << 16).to_be_bytes());
    let mut hdlr = vec![0; 8];
    hdlr.extend(handler);
    let track = [boxed(b"tkhd", &tkhd), boxed(b"mdia", &boxed(b"hdlr", &hdlr))].concat();
    boxed(b"moov", &[boxed(b"mvhd", &mvhd), boxed(b"trak", &track)].concat())
}

fn mp4(brand: &[u8; 4], handler: &[u8; 4]) -> Vec<u8> {
    [boxed(b"ftyp", brand), boxed(b"mdat", &[1; 500]), moov(handler)].concat()
}

fn told(file: &[u8]) -> Result<Examined, Unsound> {
    examine(&mut Cursor::new(file))
}

#[test]
fn sound_files_are_known_by_their_content() {
    let still = |mime, ending, width, height| Examined {
        kind: AssetKind::Image,
        mime,
        ending,
        width,
        height,
        duration_ms: None,
    };
    let film = |mime, ending| Examined {
        kind: AssetKind::Video,
        mime,
        ending,
        width: 640,
        height: 272,
        duration_ms: Some(12_345),
    };
    let good = png(&[(b"IHDR", &png_head(300, 200)), (b"IDAT", b"x"), (b"IEND", b"")]);
    assert_eq!(told(&good), Ok(still("image/png", "png", 300, 200)));
    assert_eq!(told(&jpeg()), Ok(still("image/jpeg", "jpg", 1280, 720)));
    assert_eq!(told(&mp4(b"isom", b"vide")), Ok(film("video/mp4", "mp4")));
    assert_eq!(told(&mp4(b"qt  ", b"vide")), Ok(film("video/quicktime", "mov")));
}

#[test]
fn unsound_files_are_refused_with_a_reason() {
    let check = |file: &[u8], reason: &str| {
        let said = told(file).expect_err(reason);
        assert!(said.contains(reason), "said \"{said}\", expected \"{reason}\"");
    };
    check(b"", "empty");
    check(b"x", "neither MP4");
    check(b"#!/bin/sh\nexit 0\n", "neither MP4");
    check(b"\x1aE\xdf\xa3 a Matroska file", "neither MP4");
    let head = png_head(300, 200);
    check(&png(&[(b"IHDR", &head), (b"IEND", b"")]), "no picture");
    check(&png(&[(b"IHDR", &png_head(0, 5)), (b"IDAT", b"x"), (b"IEND", b"")]), "1 to 8192");
    check(&png(&[(b"IHDR", &png_head(9000, 5)), (b"IDAT", b"x"), (b"IEND", b"")]), "1 to 8192");
    check(&png(&[(b"IDAT", &head), (b"IEND", b"")]), "header");
    check(&mp4(b"M4A ", b"soun"), "sound only");
    check(&[boxed(b"ftyp", b"isom"), boxed(b"mdat", &[1; 50])].concat(), "moov");
    check(&[boxed(b"ftyp", b"isom"), moov(b"vide")].concat(), "no pictures");
    check(&[boxed(b"ftyp", b"isom"), vec![0, 0, 0, 3, b'm', b'd', b'a', b't']].concat(), "damaged");
}

#[test]
fn a_file_cut_off_anywhere_is_refused() {
    let good = png(&[(b"IHDR", &png_head(300, 200)), (b"IDAT", &[0; 40]), (b"IEND", b"")]);
    for file in [good, jpeg(), mp4(b"isom", b"vide")] {
        assert!(told(&file).is_ok());
        for length in 0..file.len() {
            assert!(told(&file[..length]).is_err(), "{length} of {} bytes were taken", file.len());
        }
    }
}

#[test]
fn no_bytes_make_the_examination_fall() {
    let mut state = 7_u64;
    for file in [jpeg(), mp4(b"isom", b"vide"), png(&[(b"IHDR", &png_head(3, 2)), (b"IDAT", b"x"), (b"IEND", b"")])] {
        for _ in 0..3000 {
            let mut broken = file.clone();
            for _ in 0..4 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = (state >> 33) as usize % broken.len();
                broken[at] = (state >> 20) as u8;
            }
            let _ = told(&broken);
        }
    }
}

fn body(parts: &[&[u8]]) -> impl Stream<Item = Result<Bytes, std::io::Error>> + Unpin {
    let parts: Vec<_> = parts.iter().map(|part| Ok(Bytes::copy_from_slice(part))).collect();
    futures_util::stream::iter(parts)
}

#[tokio::test]
async fn a_file_is_in_its_place_only_when_it_is_whole_and_sound() {
    let folder = tempfile::tempdir().unwrap();
    let files = || -> Vec<String> {
        std::fs::read_dir(folder.path()).unwrap().flatten().map(|e| e.file_name().into_string().unwrap()).collect()
    };
    let id = |text: &str| AssetId::new(text).unwrap();
    let film = mp4(b"isom", b"vide");
    let (first, second) = film.split_at(100);
    let got = receive(folder.path(), id("a"), "film".into(), 10_000, body(&[first, second])).await.unwrap();
    assert_eq!((got.file.as_str(), got.doc.bytes, got.doc.sha256.len()), ("a.mp4", film.len() as u64, 64));
    assert_eq!(files(), ["a.mp4"]);
    assert_eq!(std::fs::read(folder.path().join("a.mp4")).unwrap(), film);

    let refused = async |parts: &[&[u8]]| {
        receive(folder.path(), id("b"), "film".into(), 600, body(parts)).await.unwrap_err().code
    };
    assert_eq!(refused(&[&film]).await, Code::TooLarge);
    assert_eq!(refused(&[]).await, Code::MediaUnreadable);
    assert_eq!(refused(&[&film[..500]]).await, Code::MediaUnreadable);
    assert_eq!(files(), ["a.mp4"], "nothing stays of what was refused");

    let broken = futures_util::stream::iter([Ok(Bytes::from_static(b"x")), Err(std::io::Error::other("gone"))]);
    let refused = receive(folder.path(), id("c"), "film".into(), 600, broken).await.unwrap_err();
    assert_eq!(refused.code, Code::RequestInvalid);
    std::fs::write(folder.path().join(".upload-old"), b"half").unwrap();
    prepare(folder.path()).unwrap();
    assert_eq!(files(), ["a.mp4"]);
}
