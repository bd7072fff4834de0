//! The machine's fonts, in an order that depends on the fonts alone and not on the disk.

use resvg::usvg::fontdb::{Database, FaceInfo, Stretch, Style};

/// Families, best first. Letters that the first does not have come from the first face of the list that has them.
const PREFERRED: [&str; 5] = ["DejaVu Sans", "Noto Sans", "Liberation Sans", "FreeSans", "Roboto"];

/// Every font that is installed, the preferred ones first, upright and regular ones before others. The first face's family
/// is the generic one for texts.
pub(super) fn installed() -> Database {
    let mut found = Database::new();
    found.load_system_fonts();
    let mut faces: Vec<FaceInfo> = found.faces().cloned().collect();
    faces.sort_by_cached_key(|face| {
        let family = family(face).to_owned();
        (
            PREFERRED.iter().position(|name| *name == family).unwrap_or(PREFERRED.len()),
            face.style != Style::Normal,
            face.weight.0.abs_diff(400),
            face.stretch != Stretch::Normal,
            face.monospaced,
            family,
            face.post_script_name.clone(),
            face.index,
        )
    });
    let mut sorted = Database::new();
    if let Some(first) = faces.first() {
        sorted.set_sans_serif_family(family(first));
    }
    for face in faces {
        sorted.push_face_info(face);
    }
    sorted
}

/// Name of a face's family.
pub(super) fn family(face: &FaceInfo) -> &str {
    face.families.first().map_or("", |(name, _)| name)
}
