use super::*;
use crate::cameras::beside;
use crate::doc::{FoundBy, FoundCamera};
use crate::store::Wanted;
use camera::Url;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// Where Debian has it, whoever's path that is in.
const AVAHI: &str = "/usr/sbin/avahi-daemon";

fn onvif(endpoint: &str, host: &str) -> discovery::Found {
    discovery::Found {
        endpoint: endpoint.into(),
        device: Url::of_person(host).unwrap(),
        name: String::new(),
        model: String::new(),
    }
}

/// A stream by mDNS, and the addresses of its host beside its own.
fn announced(name: &str, stream: &str, others: &[&str]) -> mdns::Found {
    let stream = Url::of_stream(stream).unwrap();
    let addresses = stream.address().into_iter().chain(others.iter().map(|other| other.parse().unwrap())).collect();
    let endpoint = format!("{name}._rtsp._tcp.local");
    mdns::Found { endpoint, name: name.into(), host: "camera-7.local".into(), stream, addresses }
}

fn streams(found: &Answered) -> Vec<String> {
    found.mdns.iter().map(|one| one.stream.text_of("rtsp")).collect()
}

#[test]
fn a_camera_that_answers_often_is_found_once() {
    let hosts = |found: Vec<_>| -> Vec<_> {
        each_once(found, Vec::new()).onvif.iter().map(|one| one.device.host().to_owned()).collect()
    };
    let found =
        vec![onvif("b", "192.0.2.10"), onvif("a", "192.0.2.9"), onvif("b", "192.0.2.10"), onvif("a", "192.0.2.11")];
    assert_eq!(hosts(found), ["192.0.2.9", "192.0.2.10", "192.0.2.11"]);
    let many = (0..999).map(|n| onvif(&n.to_string(), "192.0.2.9")).collect();
    assert_eq!(hosts(many).len(), FOUND_MAX);
    let many = (0..999).map(|n| announced(&n.to_string(), &format!("rtsp://192.0.2.9/{n}"), &[])).collect();
    assert_eq!(each_once(Vec::new(), many).mdns.len(), FOUND_MAX);
}

#[test]
fn a_camera_that_answers_in_both_ways_is_found_by_onvif() {
    let check = |onvif: Vec<discovery::Found>, mdns: Vec<mdns::Found>, expected: &[&str]| {
        assert_eq!(streams(&each_once(onvif, mdns.clone())), expected, "{mdns:?}");
    };
    let (seven, six) = ("rtsp://192.0.2.7:8554/live", "rtsp://[2001:db8::7]:8554/live");
    let known = || vec![onvif("a", "192.0.2.7")];
    check(
        known(),
        vec![announced("A", seven, &[]), announced("B", "rtsp://192.0.2.8/", &[])],
        &["rtsp://192.0.2.8:554/"],
    );
    check(known(), vec![announced("A", six, &["192.0.2.7"])], &[]);
    check(known(), vec![announced("A", seven, &["2001:db8::7"]), announced("A", six, &[])], &[]);
    check(Vec::new(), vec![announced("A", six, &[]), announced("A", seven, &["2001:db8::7"])], &[seven]);
    check(Vec::new(), vec![announced("A", seven, &[]), announced("A", seven, &[])], &[seven]);
    check(Vec::new(), vec![announced("A", seven, &[]), announced("A", six, &[])], &[seven, six]);
    // Who takes up the address of another, and not its name, does not hide it.
    check(Vec::new(), vec![announced("A", six, &[]), announced("B", seven, &["2001:db8::7"])], &[seven, six]);
    let recorder = ["rtsp://192.0.2.7:554/1", "rtsp://192.0.2.7:554/2"];
    check(Vec::new(), recorder.map(|url| announced(url, url, &[])).to_vec(), &recorder);
}

/// A responder that none of us wrote, in a network namespace of its own with a cable to ours: `avahi-daemon`.
struct Responder {
    process: Child,
}

impl Responder {
    /// Starts one at `192.0.<net>.7` and `2001:db8:<net>::7`, where we are `.1`. `services` are elements of its service file.
    fn start(net: u8, services: &str) -> Responder {
        // Without D-Bus and the user that it would become: in a namespace of users there is root alone.
        let script = format!(
            "set -e; read go; ip link set lo up; ip link set camera up; ip address add 192.0.{net}.7/24 dev camera
             ip address add 2001:db8:{net}::7/64 dev camera nodad
             mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /etc/avahi; mkdir /etc/avahi/services
             echo 'avahi:x:0:0::/:/bin/false' >/run/passwd; mount --bind /run/passwd /etc/passwd
             echo 'avahi:x:0:' >/run/group; mount --bind /run/group /etc/group
             printf '[server]\\nhost-name=camera-{net}\\nenable-dbus=no\\n[publish]\\npublish-workstation=no\\n' \
             >/etc/avahi/avahi-daemon.conf
             echo '192.0.{net}.99 elsewhere.local' >/etc/avahi/hosts
             cat >/etc/avahi/services/camera.service
             exec {AVAHI} --no-drop-root --no-chroot --no-rlimits"
        );
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--", "sh", "-c", &script]).stdin(Stdio::piped());
        let mut process = command.spawn().expect("unshare of util-linux");
        let (name, pid) = (format!("box{net}"), process.id().to_string());
        // The namespace is there once `unshare` has become the shell.
        let begun = Instant::now();
        while std::fs::read_link(format!("/proc/{pid}/ns/net")).ok() == std::fs::read_link("/proc/self/ns/net").ok() {
            assert!(begun.elapsed() < Duration::from_secs(20), "no namespace for the responder");
            std::thread::sleep(Duration::from_millis(10));
        }
        ip(&format!("link add {name} type veth peer name camera netns {pid}"));
        ip(&format!("link set {name} up"));
        ip(&format!("address add 192.0.{net}.1/24 dev {name}"));
        ip(&format!("address add 2001:db8:{net}::1/64 dev {name} nodad"));
        let file = format!("go\n<service-group>{services}</service-group>\n");
        process.stdin.take().expect("a pipe").write_all(file.as_bytes()).expect("tell the responder its services");
        Responder { process }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ip(words: &str) {
    let done = Command::new("ip").args(words.split(' ')).status().expect("ip of iproute2").success();
    assert!(done, "ip {words}");
}

fn service(kind: &str, inside: &str) -> String {
    format!("<service><type>{kind}</type>{inside}</service>")
}

/// Runs inside a network namespace of its own, where [`cameras_that_announce_themselves_are_found`] starts it.
#[tokio::test]
#[ignore = "wants a network namespace of its own"]
async fn inside_a_namespace() {
    ip("link set lo up");
    let named = |name: &str, services: &str| format!("<name>{name}</name>{services}");
    let live = service("_rtsp._tcp", "<port>8554</port><txt-record>path=/live</txt-record>");
    let elsewhere = service("_rtsp._tcp", "<host-name>elsewhere.local</host-name><port>554</port>");
    let _stage = Responder::start(2, &named("Bühne 1. Rang", &live));
    let axis = service("_axis-video._tcp", "<port>80</port><txt-record>macaddress=ACCC8E000001</txt-record>");
    let _axis = Responder::start(3, &named("AXIS P5655-E - ACCC8E000001", &axis));
    let _other = Responder::start(4, &named("Elsewhere", &elsewhere));
    // Its path fills an answer, which has 512 bytes: port and address must be asked for.
    let note = |length: usize| format!("<txt-record>note={}</txt-record>", "n".repeat(length));
    let inside = format!("<port>554</port><txt-record>path=/1</txt-record>{}{}", note(240), note(160));
    let _long = Responder::start(5, &named("Recorder", &service("_rtsp._tcp", &inside)));

    let camera = |name: &str, endpoint: &str, net: u8, stream: &str| FoundCamera {
        by: FoundBy::Mdns,
        endpoint: endpoint.into(),
        name: name.into(),
        model: String::new(),
        host: format!("192.0.{net}.7"),
        hostname: format!("camera-{net}.local"),
        address: format!("rtsp://192.0.{net}.7:{stream}"),
        source: None,
    };
    let axis = "AXIS P5655-E - ACCC8E000001";
    let expected = [
        camera("Bühne 1. Rang", "Bühne 1\\. Rang._rtsp._tcp.local", 2, "8554/live"),
        camera(axis, &format!("{axis}._axis-video._tcp.local"), 3, "554/axis-media/media.amp"),
        camera("Recorder", "Recorder._rtsp._tcp.local", 5, "554/1"),
    ];
    let wanted = Wanted {
        venue: String::new(),
        panel: None,
        ingest: Default::default(),
        wall: None,
        time_zone: None,
        zone: None,
        channels: Vec::new(),
    };
    // They need some seconds until they have made sure of their names, by IPv4 and by IPv6 each.
    let begun = Instant::now();
    loop {
        let found = beside(&search().await.expect("a network"), &wanted);
        if found == expected {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{found:#?}");
    }
}

#[test]
fn cameras_that_announce_themselves_are_found() {
    // Whoever is not root makes the namespaces inside one of users, where the machine allows that.
    let alone = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount", "--"]).args(words);
        command
    };
    if !alone(&["unshare", "--net", "--mount", "ip", "link"]).output().is_ok_and(|out| out.status.success()) {
        eprintln!("SKIPPED: this machine lets nobody make a network namespace, or has no `ip`");
        return;
    }
    let installed = Command::new(AVAHI).arg("--version").output().is_ok_and(|out| out.status.success());
    assert!(installed, "avahi-daemon is not installed: ./dev setup");
    let me = std::env::current_exe().expect("a test knows its program");
    let name = "cameras::discovery::tests::inside_a_namespace";
    let me = me.to_str().expect("a path of text");
    let out = alone(&[me, "--ignored", "--exact", name]).output().expect("unshare of util-linux");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&out.stderr));
}
