use super::*;
use proptest::prelude::*;
use std::path::PathBuf;

const W: u32 = 1280;
const H: u32 = 720;

fn overlay(anchor: Anchor, size: u16, colour: &str, background: Option<&str>) -> TextOverlay {
    let background = background.map(str::to_owned);
    TextOverlay { text: String::new(), anchor, size, colour: colour.into(), background }
}

/// Draws a text and answers the box in which the picture changed: left, top, right, bottom; none where nothing did.
fn drawn(text: &str, overlay: &TextOverlay) -> Option<[u32; 4]> {
    let sprite = Painter::new().text(overlay, text, W, H).unwrap();
    changed(&sprite)
}

fn changed(sprite: &Sprite) -> Option<[u32; 4]> {
    let mut picture = I420::new(W, H);
    blend(&mut picture, sprite, 256);
    let mut bounds: Option<[u32; 4]> = None;
    for y in 0..H {
        for (x, _) in picture.as_ref().y.row(y as usize, W as usize).iter().enumerate().filter(|(_, l)| **l > 60) {
            let x = x as u32;
            let b = bounds.get_or_insert([x, y, x, y]);
            *b = [b[0].min(x), b[1].min(y), b[2].max(x), b[3].max(y)];
        }
    }
    bounds
}

#[test]
fn boxes_stand_where_they_are_anchored() {
    // 4 % of 1280 by 720 are 51 by 29 pixels.
    let (l, t, r, b) = (51, 29, W - 1 - 51, H - 1 - 29);
    for (anchor, x, y) in [
        (Anchor::TopLeft, Some((0, l)), Some((1, t))),
        (Anchor::TopRight, Some((2, r)), Some((1, t))),
        (Anchor::BottomLeft, Some((0, l)), Some((3, b))),
        (Anchor::BottomRight, Some((2, r)), Some((3, b))),
        (Anchor::Left, Some((0, l)), None),
        (Anchor::Bottom, None, Some((3, b))),
        (Anchor::Center, None, None),
    ] {
        let is = drawn("Harbour", &overlay(anchor, 60, "#ffffff", Some("#ffffff"))).unwrap();
        for (side, at) in [x, y].into_iter().flatten() {
            assert!(is[side].abs_diff(at) <= 1, "{anchor:?}: {is:?}, side {side} not at {at}");
        }
        if x.is_none() {
            assert!((is[0] + is[2] + 1).abs_diff(W) <= 2, "{anchor:?} in the middle: {is:?}");
        }
        if y.is_none() {
            assert!((is[1] + is[3] + 1).abs_diff(H) <= 2, "{anchor:?} in the middle: {is:?}");
        }
    }
}

#[test]
fn letters_have_their_size_and_colour() {
    let is = drawn("H", &overlay(Anchor::Center, 200, "#ffffff", None)).unwrap();
    // Capitals of DejaVu Sans are 0.73 of the size.
    let height = f64::from(is[3] - is[1] + 1);
    assert!((height - 0.73 * 144.0).abs() < 4.0, "{height}");
    let red = Painter::new().text(&overlay(Anchor::Center, 300, "#ff0000", None), "█", W, H).unwrap();
    let mut picture = I420::new(W, H);
    blend(&mut picture, &red, 256);
    let lent = picture.as_ref();
    let at = |row: &[u8]| row[row.len() / 2];
    assert_eq!(at(lent.y.row(360, 1280)), 63);
    assert_eq!((at(lent.u.row(180, 640)), at(lent.v.row(180, 640))), (102, 240));
}

#[test]
fn more_lines_are_higher_and_long_ones_are_wrapped_into_the_picture() {
    let style = overlay(Anchor::Center, 60, "#ffffff", Some("#ffffff"));
    let one = drawn("Tide", &style).unwrap();
    let two = drawn("Tide\nHigh 3:45 PM", &style).unwrap();
    assert!((two[3] - two[1]) > (one[3] - one[1]) + 40);
    for long in ["Technical difficulties ".repeat(20), "x".repeat(500), "潮の高さ".repeat(50), "a\n".repeat(200)] {
        let is = drawn(&long, &style).unwrap();
        assert!(is[0] >= 50 && is[1] >= 28 && is[2] <= W - 51 && is[3] <= H - 29, "{is:?} of {long:.20}");
    }
}

#[test]
fn any_script_and_any_sign_is_taken() {
    let style = overlay(Anchor::Bottom, 80, "#ffffff", None);
    for text in [
        "<b>&amp; \"quotes\" ' ]]>",
        "שלום עולם",
        "مرحبا بالعالم",
        "Привет",
        "日本",
        "🙂",
        "\u{0}\u{8}\u{ffff}a",
        "e\u{301}",
    ] {
        Painter::new().text(&style, text, W, H).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    }
    assert!(drawn("<&>", &style).is_some() && drawn("שלום", &style).is_some() && drawn("مرحبا", &style).is_some());
    assert_eq!(drawn("  \n ", &style), None);
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let painter = Painter::without_fonts();
    assert_eq!(painter.fault().unwrap().code, Code::FontMissing);
    let style = overlay(Anchor::Top, 50, "#ffffff", None);
    let error = painter.text(&style, "a", W, H).unwrap_err();
    assert!(matches!(error, OverlayError::NoFont) && error.fault("o").code == Code::FontMissing);
    for colour in ["", "#", "white", "#12345", "#1234567", "#12345g", "#+12345", "#é12345"] {
        let error = Painter::new().text(&overlay(Anchor::Top, 50, colour, None), "a", W, H).unwrap_err();
        assert!(matches!(error, OverlayError::Colour(_)), "{colour:?}: {error}");
    }
    assert!(Painter::new().fault().is_none());
}

#[test]
fn slates_fit_and_need_no_font() {
    let name = "The Very Long Name of a Venue at the Sea, with Harbour, Lighthouse and Restaurant".repeat(3);
    for (title, text) in [("Harbour House", "We'll be right back"), (&name, &name), ("", ""), ("Донаудампф", "قريبا")]
    {
        for (w, h) in [(1920, 1080), (64, 64), (640, 360), (1080, 1088)] {
            let slate = Painter::new().slate(title, text, w, h);
            assert_eq!(slate.data.len(), (w * h * 3 / 2) as usize);
            let lent = slate.as_ref();
            let edge = (0..h as usize).map(|y| lent.y.row(y, w as usize)[0]).max().unwrap();
            assert!(edge < 60, "nothing is cut off at the left edge: {edge}");
            let lettered = slate.data[..(w * h) as usize].iter().any(|level| *level > 150);
            assert_eq!(lettered, !title.is_empty(), "{title:.20} at {w}x{h}");
        }
    }
    let bare = Painter::without_fonts().slate("Harbour House", "soon", 640, 360);
    assert!(bare.data[..640 * 360].iter().all(|level| *level < 60));
}

#[test]
fn a_message_stands_at_the_bottom() {
    let is = changed(&Painter::new().message("Switched to backup camera", W, H).unwrap()).unwrap();
    assert!(is[1] > H * 3 / 4 && (is[0] + is[2]).abs_diff(W) < 20, "{is:?}");
}

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Files {
        Files(tempfile::tempdir().unwrap())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn png(width: u32, height: u32, colour: png::ColorType, depth: png::BitDepth, pixel: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixel.repeat((width * height) as usize)).unwrap();
    writer.finish().unwrap();
    out
}

fn jpeg(width: u16, height: u16, colour: jpeg_encoder::ColorType, pixel: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let pixels = pixel.repeat(usize::from(width) * usize::from(height));
    jpeg_encoder::Encoder::new(&mut out, 95).encode(&pixels, width, height, colour).unwrap();
    out
}

#[test]
fn pictures_keep_shape_colour_and_alpha() {
    use png::{BitDepth, ColorType};
    let files = Files::new();
    let grey = png(40, 20, ColorType::Grayscale, BitDepth::Eight, &[255]);
    let deep = png(40, 20, ColorType::Rgb, BitDepth::Sixteen, &[255; 6]);
    let half = png(40, 20, ColorType::Rgba, BitDepth::Eight, &[255, 255, 255, 128]);
    let large = png(4000, 2000, ColorType::GrayscaleAlpha, BitDepth::Eight, &[255, 255]);
    let photo = jpeg(40, 20, jpeg_encoder::ColorType::Rgb, &[255, 255, 255]);
    let plain = jpeg(40, 20, jpeg_encoder::ColorType::Luma, &[255]);
    for (name, bytes, luma) in [
        ("grey", grey, 235),
        ("deep", deep, 235),
        ("half", half, 126),
        ("large", large, 235),
        ("jpg", photo, 235),
        ("luma", plain, 235),
    ] {
        let path = files.put(name, &bytes);
        let style =
            ImageOverlay { asset: serde_json::from_str("\"logo\"").unwrap(), anchor: Anchor::TopRight, size: 100 };
        let sprite = Painter::new().image(&path, &style, W, H).unwrap();
        assert_eq!((sprite.size(), sprite.position()), ((144, 72), (1084, 28)), "{name}");
        let mut picture = I420::new(W, H);
        blend(&mut picture, &sprite, 256);
        let is = picture.as_ref().y.row(60, W as usize)[1150];
        assert!(is.abs_diff(luma) <= 1, "{name}: {is}");
        // Larger than the picture: it fills the width, and no more.
        let sprite = Painter::new().image(&path, &ImageOverlay { size: 1000, ..style }, W, H).unwrap();
        assert_eq!((sprite.size(), sprite.position()), ((1280, 640), (0, 28)), "{name}");
    }
}

#[test]
fn pictures_that_are_none_are_named() {
    use png::{BitDepth, ColorType};
    let files = Files::new();
    let whole = png(64, 64, ColorType::Rgb, BitDepth::Eight, &[9, 8, 7]);
    let photo = jpeg(64, 64, jpeg_encoder::ColorType::Rgb, &[200, 100, 50]);
    let style = ImageOverlay { asset: serde_json::from_str("\"logo\"").unwrap(), anchor: Anchor::Top, size: 100 };
    let load = |path: &Path| Painter::without_fonts().image(path, &style, W, H).map(|_| ()).unwrap_err();
    for (name, bytes) in [
        ("empty", &b""[..]),
        ("text", b"GIF89a and more"),
        ("cut.png", &whole[..whole.len() / 2]),
        ("head.png", &whole[..20]),
        ("cut.jpg", &photo[..photo.len() / 3]),
    ] {
        let error = load(&files.put(name, bytes));
        assert!(matches!(error, OverlayError::Unreadable(_)), "{name}: {error}");
        assert_eq!(error.fault("logo").code, Code::MediaUnreadable);
    }
    assert!(matches!(load(&files.0.path().join("none")), OverlayError::Missing));
    assert!(matches!(load(files.0.path()), OverlayError::Unreadable(_)));
    let wide = png(8193, 1, ColorType::Grayscale, BitDepth::Eight, &[1]);
    assert!(matches!(load(&files.put("wide", &wide)), OverlayError::TooLarge));
    let heavy = std::fs::File::create(files.0.path().join("heavy")).unwrap();
    heavy.set_len(33_000_000).unwrap();
    assert!(matches!(load(&files.0.path().join("heavy")), OverlayError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_bytes_break_the_reader(seed: Vec<u8>, at in 0usize..600, jpg: bool) {
        let mut bytes = if jpg {
            jpeg(24, 24, jpeg_encoder::ColorType::Rgb, &[200, 100, 50])
        } else {
            png(24, 24, png::ColorType::Rgba, png::BitDepth::Eight, &[1, 2, 3, 4])
        };
        let at = at.min(bytes.len());
        let end = (at + seed.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&seed[..end - at]);
        let files = Files::new();
        let _ = image::load(&files.put("any", &bytes), |_, _| (8, 8));
    }

    #[test]
    fn scaling_keeps_a_flat_colour(from in (1u32..90, 1u32..90), to in (1u32..90, 1u32..90), grey: u8, alpha: u8) {
        let mut scaler = scale::Scaler::new(from, to);
        for _ in 0..from.1 {
            scaler.push(std::iter::repeat_n([grey, grey, grey, alpha], from.0 as usize));
        }
        let wanted = f64::from(grey) * f64::from(alpha) / 255.0;
        for pixel in scaler.finish().chunks_exact(4) {
            prop_assert!((f64::from(pixel[0]) - wanted).abs() <= 0.51 && pixel[3] == alpha, "{:?}", pixel);
        }
    }
}

/// Left, top, right and bottom of what is bright in a slate.
fn bright(slate: &I420) -> [usize; 4] {
    let (w, lent) = (slate.width as usize, slate.as_ref());
    let lit = |x: usize, y: usize| lent.y.row(y, w)[x] > 200;
    let (rows, columns) = (0..slate.height as usize, 0..w);
    let row = |y: &usize| columns.clone().any(|x| lit(x, *y));
    let column = |x: &usize| rows.clone().any(|y| lit(*x, y));
    let (left, right) = (columns.clone().find(column).unwrap(), columns.clone().rev().find(column).unwrap());
    [left, rows.clone().find(row).unwrap(), right, rows.clone().rev().find(row).unwrap()]
}

#[test]
fn a_slates_picture_is_whole_and_in_the_middle() {
    let files = Files::new();
    for (size, at) in [
        ((1280, 720), [0, 0, 1279, 719]),
        ((3840, 2160), [0, 0, 1279, 719]),
        ((640, 360), [0, 0, 1279, 719]),
        ((800, 800), [280, 0, 999, 719]),
        ((4000, 1000), [0, 200, 1279, 519]),
        // Small ones are enlarged twice, and no more.
        ((100, 60), [540, 300, 739, 419]),
        ((1, 1), [638, 358, 639, 359]),
    ] {
        let path =
            files.put("slate.png", &png(size.0, size.1, png::ColorType::Grayscale, png::BitDepth::Eight, &[255]));
        let slate = Painter::without_fonts().slate_picture(&path, "soon", W, H).unwrap();
        let is = bright(&slate);
        assert!(is.iter().zip(at).all(|(is, at)| is.abs_diff(at) <= 1), "{size:?}: {is:?}, not {at:?}");
    }
    let clear =
        files.put("clear.png", &png(1280, 720, png::ColorType::Rgba, png::BitDepth::Eight, &[255, 255, 255, 0]));
    let (clear, bare) = (Painter::new().slate_picture(&clear, "", W, H).unwrap(), Painter::new().slate("", "", W, H));
    assert_eq!(clear, bare, "the slate's background shines through");
}

#[test]
fn a_slates_picture_carries_its_text_at_the_foot() {
    let files = Files::new();
    let path = files.put("dark.png", &png(1280, 720, png::ColorType::Grayscale, png::BitDepth::Eight, &[0]));
    let is = bright(&Painter::new().slate_picture(&path, " We'll be right back ", W, H).unwrap());
    assert!(is[1] > 600 && is[3] < 700 && (is[0] + is[2]).abs_diff(W as usize) < 20, "{is:?}");
    let error = Painter::new().slate_picture(files.0.path().join("none"), "text", W, H).unwrap_err();
    assert!(matches!(error, OverlayError::Missing));
}

#[test]
fn bars_are_those_of_the_norm() {
    let bars = Painter::without_fonts().bars(1920, 1080);
    let lent = bars.as_ref();
    for (i, rgb) in
        [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1]].into_iter().enumerate()
    {
        let rgb = rgb.map(|on| on as f32 * 191.25);
        let luma = 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2];
        let x = 1920 * (2 * i + 1) / 14;
        assert!((f32::from(lent.y.row(300, 1920)[x]) - (16.0 + luma * 219.0 / 255.0)).abs() <= 0.6, "bar {i}");
        let u = 128.0 + (rgb[2] - luma) / 1.8556 * 224.0 / 255.0;
        assert!((f32::from(lent.u.row(150, 960)[x / 2]) - u).abs() <= 0.6, "bar {i}");
        let v = 128.0 + (rgb[0] - luma) / 1.5748 * 224.0 / 255.0;
        assert!((f32::from(lent.v.row(150, 960)[x / 2]) - v).abs() <= 0.6, "bar {i}");
    }
}
