//! Which capture devices the kernel knows, and by what each is known again (sysfs(5), `Documentation/ABI` of the kernel).
//!
//! `/sys/class/video4linux/video0` and `/sys/class/sound/pcmC0D0c` lead to folders of `/sys/devices` whose path says how the
//! device is connected: controller, sockets of hubs, interface. Numbers of nodes and cards change with each replug; that path
//! does not.

use automation::capture::CaptureMedia;
use std::fs;
use std::path::{Path, PathBuf};

/// A device as the kernel lists it. A video node may turn out to capture nothing: a decoder is one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its identity, see [`automation::capture::find`].
    pub(crate) id: String,
    /// Its name, as its maker gave it.
    pub(crate) name: String,
    pub(crate) media: CaptureMedia,
    /// How it is opened now: `/dev/video0`, `hw:1,0`.
    pub(crate) node: String,
    /// The file that is open while it is used.
    pub(crate) file: PathBuf,
    /// The folder of what was plugged in as one: the USB device; else the device itself.
    whole: PathBuf,
}

impl Node {
    /// Whether both belong to one device that was plugged in.
    pub(crate) fn belongs_to(&self, other: &Node) -> bool {
        self.whole == other.whole
    }
}

/// The devices below `root`, which is `/` but in tests.
pub(crate) fn nodes(root: &Path) -> Vec<Node> {
    let video = entries(&root.join("sys/class/video4linux"), "video").into_iter().filter_map(|at| video(&at));
    let sound = entries(&root.join("sys/class/sound"), "pcmC").into_iter().filter_map(|at| sound(&at));
    let mut nodes: Vec<Node> = video.chain(sound).collect();
    nodes.sort_by(|a, b| (a.media as u8, &a.id).cmp(&(b.media as u8, &b.id)));
    nodes
}

/// What a folder holds whose name begins so.
fn entries(folder: &Path, begins: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(folder).into_iter().flatten().flatten();
    all.filter(|entry| entry.file_name().to_string_lossy().starts_with(begins)).map(|entry| entry.path()).collect()
}

fn video(at: &Path) -> Option<Node> {
    let device = fs::canonicalize(at.join("device")).ok()?;
    let mut socket = Socket::of(&device)?;
    let number = text(&at.join("index"))?;
    let name = at.file_name()?.to_str()?;
    let said = text(&at.join("name"));
    if socket.what.is_empty() {
        // A driver on the board may have several devices at one place, each counted from 0.
        socket.place.push('/');
        socket.place.extend(said.iter().flat_map(|said| said.chars()).filter(|c| !"@#/".contains(*c)));
    }
    Some(Node {
        id: socket.id(&number),
        name: socket.name.clone().or(said).unwrap_or_else(|| name.to_owned()),
        media: CaptureMedia::Video,
        node: format!("/dev/{name}"),
        file: PathBuf::from(format!("/dev/{name}")),
        whole: socket.whole,
    })
}

/// A stream of a sound card that captures: `pcmC1D0c`.
fn sound(at: &Path) -> Option<Node> {
    let name = at.file_name()?.to_str()?;
    let (card, number) = name.strip_prefix("pcmC")?.strip_suffix('c')?.split_once('D')?;
    // The stream belongs to the card, and the card to the device.
    let card_at = fs::canonicalize(at.join("device")).ok()?;
    let device = fs::canonicalize(card_at.join("device")).ok()?;
    let socket = Socket::of(&device)?;
    let mut said = socket.name.clone().or_else(|| text(&card_at.join("id"))).unwrap_or_else(|| name.to_owned());
    if number != "0" {
        said.push_str(&format!(" ({number})"));
    }
    Some(Node {
        id: socket.id(number),
        name: said,
        media: CaptureMedia::Sound,
        node: format!("hw:{card},{number}"),
        file: PathBuf::from(format!("/dev/snd/{name}")),
        whole: socket.whole,
    })
}

/// Where a device is plugged in, and what it is.
#[derive(Debug)]
struct Socket {
    /// Maker, product and serial number; empty where it is not by USB.
    what: String,
    place: String,
    name: Option<String>,
    whole: PathBuf,
}

impl Socket {
    fn of(device: &Path) -> Option<Socket> {
        let by_usb = device.ancestors().find(|folder| folder.join("idVendor").is_file());
        by_usb.map_or_else(|| Socket::on_board(device), Socket::by_usb)
    }

    /// The folder of a USB device is named by its bus and the sockets on the way: `1-1.2`. The bus's number changes, its
    /// controller does not.
    fn by_usb(usb: &Path) -> Option<Socket> {
        let read = |name: &str| text(&usb.join(name));
        let (bus, ports) = usb.file_name()?.to_str()?.split_once('-')?;
        let root = usb.ancestors().find(|folder| folder.ends_with(format!("usb{bus}")))?;
        let controller = root.parent()?.file_name()?.to_str()?;
        let serial = read("serial").unwrap_or_default();
        let serial: String = serial.chars().filter(|c| !"@#".contains(*c)).collect();
        Some(Socket {
            what: format!("{}:{}:{serial}", read("idVendor")?, read("idProduct")?),
            place: format!("{controller}:{ports}"),
            name: read("product"),
            whole: usb.to_owned(),
        })
    }

    /// Anything else is named by its place alone: `platform/snd_aloop.0`, `pci0000:00/0000:00:1f.3`.
    fn on_board(device: &Path) -> Option<Socket> {
        let path = device.to_str()?;
        let (_, place) = path.split_once("/sys/devices/")?;
        Some(Socket { what: String::new(), place: place.to_owned(), name: None, whole: device.to_owned() })
    }

    fn id(&self, number: &str) -> String {
        format!("{}@{}#{number}", self.what, self.place)
    }
}

/// A line that the kernel tells, cleaned of what a device may put into its name.
fn text(path: &Path) -> Option<String> {
    let bytes = fs::read(path).ok()?;
    let text: String = String::from_utf8_lossy(&bytes).chars().filter(|c| !c.is_control()).take(126).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A folder that looks like `/`, with devices in it.
    pub(crate) struct Machine(tempfile::TempDir);

    impl Machine {
        pub(crate) fn new() -> Machine {
            Machine(tempfile::tempdir().unwrap())
        }

        pub(crate) fn root(&self) -> &Path {
            self.0.path()
        }

        fn write(&self, at: &str, name: &str, text: &str) {
            let folder = self.root().join("sys/devices").join(at);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(name), format!("{text}\n")).unwrap();
        }

        fn link(&self, class: &str, at: &str) {
            let class = self.root().join("sys/class").join(class);
            fs::create_dir_all(&class).unwrap();
            let target = self.root().join("sys/devices").join(at);
            symlink(&target, class.join(target.file_name().unwrap())).unwrap();
        }

        pub(crate) fn usb(&self, at: &str, what: [&str; 2], serial: Option<&str>, product: &str) {
            for (name, text) in [("idVendor", what[0]), ("idProduct", what[1]), ("product", product)] {
                self.write(at, name, text);
            }
            if let Some(serial) = serial {
                self.write(at, "serial", serial);
            }
        }

        pub(crate) fn video(&self, device: &str, number: u32, index: u32, name: &str) {
            let at = format!("{device}/video4linux/video{number}");
            self.write(&at, "index", &index.to_string());
            self.write(&at, "name", name);
            symlink(
                self.root().join("sys/devices").join(device),
                self.root().join("sys/devices").join(&at).join("device"),
            )
            .unwrap();
            self.link("video4linux", &at);
        }

        pub(crate) fn sound(&self, device: &str, card: u32, id: &str, streams: &[&str]) {
            let devices = self.root().join("sys/devices");
            let card_at = format!("{device}/sound/card{card}");
            self.write(&card_at, "id", id);
            symlink(devices.join(device), devices.join(&card_at).join("device")).unwrap();
            for stream in streams {
                let at = format!("{card_at}/pcmC{card}{stream}");
                self.write(&at, "dev", "116:2");
                symlink(devices.join(&card_at), devices.join(&at).join("device")).unwrap();
                self.link("sound", &at);
            }
        }
    }

    const USB: &str = "pci0000:00/0000:00:14.0/usb1/1-1";

    fn told(machine: &Machine) -> Vec<(String, String, String)> {
        nodes(machine.root()).into_iter().map(|node| (node.id, node.name, node.node)).collect()
    }

    fn row(id: &str, name: &str, node: &str) -> (String, String, String) {
        (id.to_owned(), name.to_owned(), node.to_owned())
    }

    #[test]
    fn a_grabber_is_its_maker_its_number_and_its_socket_whatever_number_the_kernel_gives_it() {
        for number in [0, 7] {
            let machine = Machine::new();
            let stick = format!("{USB}/1-1.2");
            machine.usb(&stick, ["534d", "2109"], Some("20@21#x"), "USB Video");
            machine.video(&format!("{stick}/1-1.2:1.0"), number, 0, "USB Video: USB Video");
            machine.video(&format!("{stick}/1-1.2:1.0"), number + 1, 1, "USB Video: USB Video");
            machine.sound(&format!("{stick}/1-1.2:1.2"), number, "MS2109", &["D0c", "D0p"]);
            let id = "534d:2109:2021x@0000:00:14.0:1.2";
            assert_eq!(
                told(&machine),
                [
                    row(&format!("{id}#0"), "USB Video", &format!("/dev/video{number}")),
                    row(&format!("{id}#1"), "USB Video", &format!("/dev/video{}", number + 1)),
                    row(&format!("{id}#0"), "USB Video", &format!("hw:{number},0")),
                ]
            );
        }
    }

    #[test]
    fn the_sound_of_the_same_usb_device_belongs_to_its_picture_and_no_other() {
        let machine = Machine::new();
        for (port, card) in [("1-1.2", 0), ("1-1.3", 1)] {
            let stick = format!("{USB}/{port}");
            machine.usb(&stick, ["534d", "2109"], None, "USB Video");
            machine.video(&format!("{stick}/{port}:1.0"), card, 0, "USB Video");
            machine.sound(&format!("{stick}/{port}:1.2"), card, "MS2109", &["D0c"]);
        }
        machine.sound("platform/snd_aloop.0", 2, "Loopback", &["D0c", "D0p", "D1c"]);
        let nodes = nodes(machine.root());
        assert_eq!(nodes.len(), 6);
        for video in nodes.iter().filter(|node| node.media == CaptureMedia::Video) {
            let sounds = nodes.iter().filter(|node| node.media == CaptureMedia::Sound && node.belongs_to(video));
            let sounds: Vec<&str> = sounds.map(|node| node.node.as_str()).collect();
            assert_eq!(sounds, [video.node.replace("/dev/video", "hw:") + ",0"]);
        }
        let board = nodes.iter().filter(|node| node.id.starts_with('@'));
        let board: Vec<_> = board.map(|node| (node.id.as_str(), node.name.as_str(), node.node.as_str())).collect();
        assert_eq!(
            board,
            [("@platform/snd_aloop.0#0", "Loopback", "hw:2,0"), ("@platform/snd_aloop.0#1", "Loopback (1)", "hw:2,1"),]
        );
    }

    #[test]
    fn what_is_on_the_board_is_named_by_its_place_and_what_is_strange_is_left_out() {
        let machine = Machine::new();
        machine.video("platform/vivid.0", 3, 0, "vivid-000-vid-cap");
        machine.video("platform/vivid.0", 4, 0, "vivid-001-vid-cap");
        machine.usb(&format!("{USB}/1-1.4"), ["046d", "082d"], None, "Cam\u{7}\u{1b}[31m");
        machine.video(&format!("{USB}/1-1.4/1-1.4:1.0"), 1, 0, "x");
        machine.link("video4linux", "platform/gone/video4linux/video9");
        assert_eq!(
            told(&machine),
            [
                row("046d:082d:@0000:00:14.0:1.4#0", "Cam[31m", "/dev/video1"),
                row("@platform/vivid.0/vivid-000-vid-cap#0", "vivid-000-vid-cap", "/dev/video3"),
                row("@platform/vivid.0/vivid-001-vid-cap#0", "vivid-001-vid-cap", "/dev/video4"),
            ]
        );
        assert_eq!(nodes(Path::new("/nonexistent")), []);
    }
}
