//! Reads the files, does what was planned, and tells it.

use super::keyfile;
use super::noted::{self, forget_texts};
use super::plan::{Given, Plan, plan};
use crate::edges::sync;
use crate::preseed::keys::Keys;
use crate::preseed::{BYTES_MAX, imager, venue};
use crate::radio;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The report's name, beside the files.
pub const REPORT: &str = "bandstand-report.txt";
/// What a connection's file ends in, what an editor that hides endings puts behind it, and what it is called when it was taken over.
const KEYFILE: &str = ".nmconnection";
const HIDDEN: &str = ".txt";
const TAKEN: &str = ".taken";
/// The file that `control` keeps the code of the first sign-in in.
const CODE_FILE: &str = "first-sign-in-code";
/// The same for the password of the box's own Wi-Fi.
const ACCESS_POINT_FILE: &str = "access-point-password";

/// Exit code of `bandstand seed` on a box that has channels already; any other but 0 is a document that it refuses.
const FILLED: i32 = 73;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct Places {
    /// Where the FAT partition is mounted.
    pub fat: PathBuf,
    /// The folder of the board's own files on the data partition.
    pub data: PathBuf,
    /// The folder of NetworkManager's connections.
    pub connections: PathBuf,
    /// The state folder of `control`, whose owner it runs as.
    pub state: PathBuf,
    /// `bandstand`, which fills an empty store.
    pub control: PathBuf,
}

/// Takes over what lies on the FAT partition and was not taken over yet. Answers the report; none where there is nothing new.
/// Done before NetworkManager and `control` start.
pub fn apply(places: &Places) -> io::Result<Option<Vec<String>>> {
    forget_texts(&places.data)?;
    let texts = [venue::FILE, imager::FILE].map(|name| new_text(places, name));
    let [venue_text, imager_text] = texts;
    let (venue_text, imager_text) = (venue_text?, imager_text?);
    let given = Given { venue: venue_text.as_deref(), imager: imager_text.as_deref() };
    let mut planned = plan(given);
    close_taken(places)?;
    let mut keyfiles = names(places, KEYFILE)?;
    keyfiles.extend(names(places, &format!("{KEYFILE}{HIDDEN}"))?);
    if given.venue.is_none() && given.imager.is_none() && keyfiles.is_empty() {
        return Ok(None);
    }
    let keep: &[&str] = match store(places, &mut planned)? {
        Seeded::Refused => &[venue::STREAM_KEY],
        Seeded::Stored => &[],
    };
    for name in &keyfiles {
        take_keyfile(places, name, &mut planned.report)?;
    }
    // From here on it is all on /data: what must not lie about may go.
    for (name, text) in [(venue::FILE, given.venue), (imager::FILE, given.imager)] {
        let Some(text) = text else { continue };
        let keys = if name == venue::FILE { venue::KEYS } else { imager::KEYS };
        let open = if planned.taken.contains(&name) { without_secrets(keys, text, keep) } else { text.to_owned() };
        if open != text {
            overwrite(&place_of(places, name), &open)?;
        }
        // One that was refused is looked at again when it was mended, and not before.
        noted::note(&places.data, name, &open)?;
    }
    planned.report.sort_by_key(|line| !line.contains("not taken over"));
    let text = planned.report.iter().map(|line| format!("{line}\r\n")).collect::<String>();
    fs::write(places.fat.join(REPORT), text)?;
    sync(&places.fat)?;
    Ok(Some(planned.report))
}

/// The same, with the box's name put in force by `call`: the one that is known before the card is looked at, which may be worn, and
/// another one where the card brings it.
pub fn start(places: &Places, mut call: impl FnMut(&str) -> io::Result<()>) -> io::Result<Option<Vec<String>>> {
    let known = hostname(places);
    let called = known.as_deref().map_or(Ok(()), &mut call);
    let report = apply(places)?;
    called?;
    if let Some(name) = hostname(places).filter(|name| known.as_ref() != Some(name)) {
        call(&name)?;
    }
    Ok(report)
}

/// The name that the box has in the network, as it was told.
pub fn hostname(places: &Places) -> Option<String> {
    let text = fs::read_to_string(places.data.join("hostname")).ok()?;
    Some(text.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Where a file is. Editors that hide endings put another one behind it.
fn place_of(places: &Places, name: &str) -> PathBuf {
    let path = places.fat.join(name);
    if path.exists() { path } else { places.fat.join(format!("{name}.txt")) }
}

/// A file's text where it is not the one that was taken over.
fn new_text(places: &Places, name: &str) -> io::Result<Option<String>> {
    let Some(bytes) = read(&place_of(places, name))? else { return Ok(None) };
    // One that is no text is refused by who reads it, at its first line.
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let known = noted::is_known(&places.data, name, &text)?;
    Ok(Some(text).filter(|_| !known))
}

/// A file's bytes, and no more than are looked at; none where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Whether what `control` was given is in its store, so that it is needed on the card no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seeded {
    /// It is, or other channels are there, or there was nothing to give.
    Stored,
    /// It is not, and may be given again when it was mended.
    Refused,
}

fn store(places: &Places, planned: &mut Plan) -> io::Result<Seeded> {
    if let Some(name) = &planned.hostname {
        write_private(&places.data.join("hostname"), name.as_bytes())?;
        planned.report.push(format!("The box is called {name}: https://{name}.local"));
    }
    if let Some(country) = &planned.country {
        write_private(&places.data.join(radio::FILE), country.as_bytes())?;
    }
    for (name, text) in &planned.connections {
        write_private(&places.connections.join(name), text.as_bytes())?;
    }
    if let Some(fleet) = &planned.fleet {
        write_private(&places.data.join("fleet.json"), fleet.to_string().as_bytes())?;
    }
    for (name, secret) in [(CODE_FILE, &planned.claim_code), (ACCESS_POINT_FILE, &planned.access_point)] {
        let Some(secret) = secret else { continue };
        let path = places.state.join(name);
        write_private(&path, format!("{secret}\n").as_bytes())?;
        own(&path, &places.state)?;
    }
    if let Some(zone) = &planned.time_zone {
        planned.report.push(match seed(places, &json!({"time_zone": zone}))? {
            Ok(()) => format!("The time zone is {zone}."),
            Err(refused) => format!("The time zone {zone} was not taken over: {}", refused.said),
        });
    }
    let Some(document) = &planned.seed else { return Ok(Seeded::Stored) };
    let (seeded, told) = match seed(places, document)? {
        Ok(()) => (Seeded::Stored, "The venue, its channels and its destinations were made.".to_owned()),
        Err(refused) => {
            let told = format!("The venue, its channels and its destinations were not taken over: {}", refused.said);
            if refused.filled {
                (Seeded::Stored, told)
            } else {
                (
                    Seeded::Refused,
                    told + " Mend bandstand.toml and start the box again; until then its stream keys stay in it.",
                )
            }
        }
    };
    planned.report.push(told);
    Ok(seeded)
}

/// Why `control` refused a document.
struct Refused {
    /// In its words.
    said: String,
    /// Whether somebody has set up channels already.
    filled: bool,
}

/// Writes a document into the store, as who `control` runs as.
fn seed(places: &Places, document: &Value) -> io::Result<Result<(), Refused>> {
    use std::os::unix::process::CommandExt as _;
    let path = places.state.join("seed.json");
    write_private(&path, document.to_string().as_bytes())?;
    own(&path, &places.state)?;
    let owner = fs::metadata(&places.state)?;
    let mut command = Command::new(&places.control);
    command.arg("seed").arg("--state").arg(&places.state).arg(&path);
    if rustix::process::geteuid().is_root() {
        command.uid(owner.uid()).gid(owner.gid());
    }
    let done = command.output();
    // It holds stream keys.
    fs::remove_file(&path)?;
    let done = done?;
    if done.status.success() {
        return Ok(Ok(()));
    }
    let said = String::from_utf8_lossy(&done.stderr);
    let said = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it gave no reason").trim();
    Ok(Err(Refused { said: said.to_owned(), filled: done.status.code() == Some(FILLED) }))
}

/// The names on the card that end so. With [`KEYFILE`], NetworkManager's own files, as people copy them from another machine.
fn names(places: &Places, ending: &str) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(&places.fat)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.ends_with(ending) && entry.file_type()?.is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

fn take_keyfile(places: &Places, name: &str, report: &mut Vec<String>) -> io::Result<()> {
    let path = places.fat.join(name);
    let bytes = read(&path)?.unwrap_or_default();
    let name = name.strip_suffix(HIDDEN).unwrap_or(name);
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    let text = String::from_utf8_lossy(bytes);
    if bytes.len() > BYTES_MAX || !text.contains("[connection]") {
        report.push(format!("{name} was not taken over: it is no connection of NetworkManager's."));
        return Ok(());
    }
    write_private(&places.connections.join(name), bytes)?;
    // Its name first: one that is half written over must not be taken for a connection by the next start, which closes it.
    let taken = places.fat.join(format!("{name}{TAKEN}"));
    fs::rename(&path, &taken)?;
    sync(&places.fat)?;
    close(&taken)?;
    report.push(format!("The connection of {name} is there."));
    Ok(())
}

/// Closes connections that were taken over: a power cut came before it was done, or a version did it that knew fewer secrets.
fn close_taken(places: &Places) -> io::Result<()> {
    for name in names(places, &format!("{KEYFILE}{TAKEN}"))? {
        close(&places.fat.join(name))?;
    }
    Ok(())
}

/// Writes over the text of a connection that was taken over. One that is longer than any that is taken over is somebody else's.
fn close(path: &Path) -> io::Result<()> {
    let bytes = read(path)?.unwrap_or_default();
    let closed = keyfile::closed(bytes.len());
    if bytes.len() > BYTES_MAX || bytes == closed.as_bytes() { Ok(()) } else { overwrite(path, &closed) }
}

/// The text with `""` and spaces for each secret, every other byte in its place: written over the old text, a power cut within
/// leaves a file that can be read.
fn without_secrets(keys: Keys, text: &str, keep: &[&str]) -> String {
    keys.blanked(text, keep).unwrap_or_else(|_| text.to_owned())
}

/// Writes over a file's own bytes: under a new name the old ones would stay on the medium.
fn overwrite(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.set_len(text.len() as u64)?;
    file.sync_all()
}

/// Writes a file whole, which nobody else may read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let draft = path.with_file_name(format!(".{name}.new"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    sync(path.parent().unwrap_or(Path::new("/")))
}

/// Gives a file to who owns the folder.
fn own(path: &Path, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    chown(path, Some(owner.uid()), Some(owner.gid()))
}
