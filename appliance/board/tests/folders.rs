//! The program itself, on folders and a file that stand for the board's edges.

use board::autoboot::{Autoboot, Slot};
use board::bootloader::BUILT_MIN;
use board::edges::{Edges, FILE, LEFTOVER, Part, write_part};
use board::flag::{Flag, SECTOR_BYTES};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

struct Board {
    folder: TempDir,
}

impl Board {
    /// Slot A is committed and booted, and there is no copy yet.
    fn new() -> Board {
        let board = Board { folder: tempfile::tempdir().unwrap() };
        for folder in ["autoboot", "data", "tree/chosen/bootloader"] {
            fs::create_dir_all(board.path(folder)).unwrap();
        }
        fs::write(board.path("flag"), [0; SECTOR_BYTES]).unwrap();
        fs::write(board.file(), Autoboot::committed_to(Slot::A).to_text()).unwrap();
        board.boots(Slot::A, false);
        fs::write(board.built(), BUILT_MIN.to_be_bytes()).unwrap();
        let flag = format!("flag = \"sector:{}\"\n", board.path("flag").display());
        fs::write(board.path("board.toml"), flag).unwrap();
        board
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self) -> PathBuf {
        self.path("autoboot").join(FILE)
    }

    /// Where the bootloader says when it was built.
    fn built(&self) -> PathBuf {
        self.path("tree/chosen/bootloader/build-timestamp")
    }

    fn edges(&self) -> Edges {
        let flag = Flag::Sector(self.path("flag"));
        Edges { device_tree: self.path("tree"), autoboot: self.path("autoboot"), data: self.path("data"), flag }
    }

    /// What the firmware does: the device tree says it, and the flag is used up.
    fn boots(&self, slot: Slot, by_flag: bool) {
        let bootloader = self.path("tree/chosen/bootloader");
        fs::write(bootloader.join("partition"), slot.partition().to_be_bytes()).unwrap();
        fs::write(bootloader.join("tryboot"), u32::from(by_flag).to_be_bytes()).unwrap();
        fs::write(self.path("flag"), [0; SECTOR_BYTES]).unwrap();
    }

    fn output(&self, verb: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bandstand-board"));
        command.arg("boot-slot").args(verb.split(' '));
        for (name, folder) in
            [("config", "board.toml"), ("device-tree", "tree"), ("autoboot", "autoboot"), ("data", "data")]
        {
            command.arg(format!("--{name}")).arg(self.path(folder));
        }
        command.output().unwrap()
    }

    /// Standard output of a verb that succeeds and says nothing else.
    fn says(&self, verb: &str, expected: &str) {
        let output = self.output(verb);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let got = (output.status.code(), text(&output.stdout), text(&output.stderr));
        let expected = if expected.is_empty() { String::new() } else { format!("{expected}\n") };
        assert_eq!(got, (Some(0), expected, String::new()), "{verb}");
    }

    /// The one line of a verb that fails, and that it begins with this code.
    fn refuses(&self, verb: &str, code: &str) -> String {
        let output = self.output(verb);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (output.status.code(), output.stdout.len(), text.lines().count()),
            (Some(1), 0, 1),
            "{verb}: {text}"
        );
        assert!(text.starts_with(&format!("bandstand-board: {code}: ")), "{verb}: {text}");
        text
    }

    fn files(&self) -> (String, Option<String>, bool) {
        let text = |path: PathBuf| fs::read_to_string(path).ok();
        let armed = fs::read(self.path("flag")).unwrap()[0] != 0;
        (text(self.file()).unwrap(), text(self.path("data").join(FILE)), armed)
    }
}

const VERBS: [&str; 9] = [
    "get-primary",
    "get-current",
    "get-state A",
    "get-state B",
    "set-primary A",
    "set-primary B",
    "set-state A good",
    "set-state B good",
    "set-state B bad",
];

#[test]
fn an_update_in_the_order_in_which_rauc_calls() {
    let board = Board::new();
    let (a, b) = (Autoboot::committed_to(Slot::A).to_text(), Autoboot::committed_to(Slot::B).to_text());
    // An install. The copy is made before anything is written over.
    board.says("get-current", "A");
    board.says("get-primary", "A");
    board.says("set-state B bad", "");
    assert_eq!(board.files(), (a.clone(), Some(a.clone()), false));
    board.says("get-state B", "bad");
    board.says("set-primary B", "");
    assert_eq!(board.files(), (a.clone(), Some(a.clone()), true));
    board.says("get-primary", "B");
    board.says("get-current", "A");
    // A second install before the reboot takes the flag away first.
    board.says("set-state B bad", "");
    assert!(!board.files().2);
    board.says("set-primary B", "");
    // The trial: both slots are good, the committed one is not given away, and the next boot would be its.
    board.boots(Slot::B, true);
    board.says("get-current", "B");
    board.says("get-primary", "A");
    board.says("get-state A", "good");
    board.says("get-state B", "good");
    let refusal = board.refuses("set-state A bad", "trial_uncommitted");
    assert!(refusal.contains("(slot A is committed, B booted)"), "{refusal}");
    assert!(refusal.ends_with("Mark the booted slot good first, or reboot into the committed one.\n"), "{refusal}");
    // It is good.
    board.says("set-state B good", "");
    assert_eq!(board.files(), (b.clone(), Some(b.clone()), false));
    board.says("get-primary", "B");
    board.says("get-state A", "bad");
    board.boots(Slot::B, false);
    let before = fs::metadata(board.file()).unwrap().modified().unwrap();
    board.says("set-state B good", "");
    assert_eq!(
        fs::metadata(board.file()).unwrap().modified().unwrap(),
        before,
        "marked good again, nothing is written"
    );
    board.says("set-state A bad", "");
    assert_eq!(board.files(), (b.clone(), Some(b), false));
}

#[test]
fn a_trial_may_be_given_up_and_only_a_trial_is_committed() {
    let board = Board::new();
    board.says("set-primary B", "");
    board.says("set-primary A", "");
    assert!(!board.files().2, "the committed one is primary: nothing is tried");
    board.boots(Slot::B, true);
    board.says("set-state B bad", "");
    board.says("set-state A good", "");
    board.refuses("set-state A bad", "trial_uncommitted");
    // A trial that is armed once more and then found good leads nowhere else.
    board.says("set-primary B", "");
    board.says("set-state B good", "");
    assert!(!board.files().2);
    // The firmware went to another slot by itself.
    let board = Board::new();
    board.boots(Slot::B, false);
    board.refuses("set-state B good", "not_a_trial");
    board.refuses("set-state A bad", "trial_uncommitted");
    let board = Board::new();
    board.refuses("set-state B good", "not_booted");
}

#[test]
fn what_cannot_be_read_is_an_error_in_every_verb_and_never_not_armed() {
    let check = |spoil: &dyn Fn(&Board), code: &str, remedy: &str| {
        let board = Board::new();
        spoil(&board);
        for verb in VERBS {
            let text = board.refuses(verb, code);
            assert!(text.contains(remedy), "{text}");
        }
        let status: serde_json::Value = serde_json::from_slice(&board.output("status").stdout).unwrap();
        assert_eq!(status["fault"]["code"], code);
        assert_eq!(board.output("status").status.code(), Some(1));
    };
    let repair = "`bandstand-board boot-slot repair`";
    check(&|board| fs::remove_file(board.file()).unwrap(), "autoboot_unreadable", repair);
    check(&|board| fs::write(board.file(), "").unwrap(), "autoboot_unknown", repair);
    check(&|board| fs::write(board.file(), "[all]\nboot_partition=1\n").unwrap(), "autoboot_unknown", repair);
    check(&|board| fs::write(board.file(), [0; 4096]).unwrap(), "autoboot_unknown", repair);
    check(&|board| fs::remove_file(board.path("flag")).unwrap(), "flag_missing", "/dev/vcio");
    check(&|board| fs::write(board.path("flag"), [7; 512]).unwrap(), "flag_unknown", "`flag` in board.toml");
    let tree = |board: &Board, name: &str| board.path("tree/chosen/bootloader").join(name);
    check(&|board| fs::remove_file(tree(board, "partition")).unwrap(), "device_tree_unknown", "rpi-eeprom");
    check(&|board| fs::remove_file(tree(board, "tryboot")).unwrap(), "device_tree_unknown", "rpi-eeprom");
    check(&|board| fs::write(tree(board, "partition"), [0, 0, 0, 1]).unwrap(), "device_tree_unknown", "rpi-eeprom");
    let board = Board::new();
    fs::write(board.path("board.toml"), "flags = 1").unwrap();
    VERBS.into_iter().chain(["status", "repair"]).for_each(|verb| drop(board.refuses(verb, "config_invalid")));
}

/// What the program does with a board whose bootloader knows nothing of trials: it does not touch the other slot, and
/// everything that has no need of the bootloader goes on.
#[test]
fn a_bootloader_that_is_too_old_or_unknown_has_no_slot_written_over_or_tried() {
    let check = |built: Option<&[u8]>, code: &str, detail: &str, day: Option<&str>| {
        let board = Board::new();
        match built {
            Some(bytes) => fs::write(board.built(), bytes).unwrap(),
            None => fs::remove_file(board.built()).unwrap(),
        }
        let before = board.files();
        for verb in ["set-state B bad", "set-primary B"] {
            let text = board.refuses(verb, code);
            assert!(text.contains(detail) && text.contains("Raspberry Pi Imager"), "{text}");
            assert_eq!(board.files(), before, "{verb}");
        }
        for (verb, says) in [
            ("get-primary", "A"),
            ("get-current", "A"),
            ("get-state B", "bad"),
            ("set-primary A", ""),
            ("set-state A good", ""),
            ("repair", "Nothing to repair."),
        ] {
            board.says(verb, says);
        }
        let output = board.output("status");
        let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            (output.status.code(), &status["fault"]),
            (Some(0), &serde_json::Value::Null),
            "the slots are known"
        );
        assert_eq!(
            (&status["bootloader"]["fault"]["code"], &status["bootloader"]["built"]),
            (&code.into(), &day.into())
        );
        // One of 2021 boots the slot of the trial by itself: then that is what is told.
        board.boots(Slot::B, false);
        board.refuses("set-state A bad", code);
    };
    let built = |seconds: u32| seconds.to_be_bytes();
    check(Some(&built(1_619_654_400)), "bootloader_too_old", "built on 2021-04-29", Some("2021-04-29"));
    check(Some(&built(BUILT_MIN - 1)), "bootloader_too_old", "built on 2022-10-17", Some("2022-10-17"));
    check(None, "bootloader_unknown", "No such file", None);
    check(Some(&[0x60, 0x89, 0xf4]), "bootloader_unknown", "has not 4 bytes", None);
}

#[test]
fn repair_restores_autoboot_txt_and_says_what_it_did() {
    let check = |copy: Option<Slot>, booted: (Slot, bool), committed: Slot, said: &str| {
        let board = Board::new();
        fs::write(board.file(), "[all]\nboot_part").unwrap();
        fs::write(board.path("autoboot").join(LEFTOVER), "[all]").unwrap();
        if let Some(slot) = copy {
            fs::write(board.path("data").join(FILE), Autoboot::committed_to(slot).to_text()).unwrap();
        }
        board.boots(booted.0, booted.1);
        let output = board.output("repair");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(said), "{text}");
        assert!(text.contains("Removed what a write") && text.contains("line 2: the line is unknown"), "{text}");
        let whole = Autoboot::committed_to(committed).to_text();
        assert_eq!(board.files(), (whole.clone(), Some(whole), false));
        assert!(!board.path("autoboot").join(LEFTOVER).exists());
        board.says("repair", "Nothing to repair.");
    };
    check(Some(Slot::B), (Slot::A, false), Slot::B, "from its copy: slot B is committed");
    check(Some(Slot::A), (Slot::B, true), Slot::A, "from its copy: slot A is committed");
    check(None, (Slot::B, false), Slot::B, "without a copy, by the slot that is booted (B): slot B is committed");
    // What the flag booted is on trial, so the other one was committed.
    check(None, (Slot::B, true), Slot::A, "without a copy, by the slot that is booted (B): slot A is committed");
}

#[test]
fn repair_believes_a_whole_file_and_leaves_a_missing_data_partition_to_a_person() {
    let board = Board::new();
    fs::write(board.path("data").join(FILE), Autoboot::committed_to(Slot::B).to_text()).unwrap();
    board.says("repair", "Renewed the copy of autoboot.txt: slot A is committed.");
    assert_eq!(board.files().1, Some(Autoboot::committed_to(Slot::A).to_text()));
    fs::remove_dir_all(board.path("data")).unwrap();
    board.refuses("set-state B bad", "data_unwritable");
    fs::write(board.file(), "").unwrap();
    board.refuses("repair", "data_unreadable");
    assert_eq!(fs::read(board.file()).unwrap(), b"");
    // A flag that is not there is told after the file was mended.
    let board = Board::new();
    fs::write(board.file(), "").unwrap();
    fs::remove_file(board.path("flag")).unwrap();
    let text = board.refuses("repair", "flag_missing");
    assert!(text.contains("Restored autoboot.txt without a copy"), "{text}");
    assert_eq!(fs::read_to_string(board.file()).unwrap(), Autoboot::committed_to(Slot::A).to_text());
}

/// The power goes behind each part of a commit: files are as they are, and the flag is gone.
#[test]
fn a_commit_cut_off_anywhere_leaves_one_slot_or_the_other() {
    for parts in 0..=Part::ALL.len() {
        let board = Board::new();
        board.says("set-state B bad", "");
        board.boots(Slot::B, true);
        for part in &Part::ALL[..parts] {
            write_part(&board.path("autoboot"), Autoboot::committed_to(Slot::B), *part).unwrap();
        }
        let committed = if parts < 3 { Slot::A } else { Slot::B };
        board.boots(committed, false);
        assert_eq!(board.path("autoboot").join(LEFTOVER).exists(), (1..3).contains(&parts), "{parts}");
        board.says("get-primary", &committed.to_string());
        assert!(board.output("repair").status.success());
        let whole = Autoboot::committed_to(committed).to_text();
        assert_eq!(board.files(), (whole.clone(), Some(whole), false), "{parts}");
        assert!(!board.path("autoboot").join(LEFTOVER).exists());
        // And an update goes through as if nothing had been.
        board.says(&format!("set-state {} bad", committed.other()), "");
        board.says(&format!("set-primary {}", committed.other()), "");
        board.says("get-primary", &committed.other().to_string());
    }
}

/// Somebody wrote autoboot.txt by hand, without a slot to try: it is made whole before the flag is set, and before anything
/// is written over.
#[test]
fn a_file_without_a_slot_to_try_is_made_whole() {
    for verb in ["set-primary B", "set-state B bad"] {
        let board = Board::new();
        fs::write(board.file(), "tryboot_a_b=1\r\nboot_partition=2\r\n").unwrap();
        board.says("get-primary", "A");
        board.says(verb, "");
        assert_eq!(board.files().0, Autoboot::committed_to(Slot::A).to_text());
        board.says("get-primary", if verb == "set-primary B" { "B" } else { "A" });
    }
}

#[test]
fn the_status_is_for_the_control_process() {
    let board = Board::new();
    board.says(
        "status",
        r#"{"booted":"A","committed":"A","armed":null,"trial":false,"astray":false,"slots":[{"name":"A","boot_partition":2,"state":"good"},{"name":"B","boot_partition":3,"state":"bad"}],"bootloader":{"built":"2022-10-18","fault":null},"fault":null}"#,
    );
    let field = |name: &str| {
        let status: serde_json::Value = serde_json::from_slice(&board.output("status").stdout).unwrap();
        status[name].clone()
    };
    board.says("set-primary B", "");
    assert_eq!(field("armed"), "B");
    board.boots(Slot::B, true);
    assert_eq!((field("trial"), field("astray")), (true.into(), false.into()));
    board.boots(Slot::B, false);
    assert_eq!((field("trial"), field("astray")), (false.into(), true.into()));
}

#[test]
fn rauc_may_call_it_by_a_name_of_its_own() {
    let board = Board::new();
    let link = board.path("bandstand-boot-slot");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_bandstand-board"), &link).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&link);
        command.args(arguments);
        for (name, folder) in
            [("config", "board.toml"), ("device-tree", "tree"), ("autoboot", "autoboot"), ("data", "data")]
        {
            command.arg(format!("--{name}")).arg(board.path(folder));
        }
        command.output().unwrap()
    };
    assert_eq!(run(&["get-primary"]).stdout, b"A\n");
    assert!(run(&["set-state", "B", "bad"]).status.success());
    for wrong in [&["get-state"][..], &["get-state", "C"], &["set-state", "A", "ugly"], &["set-primary", "a"], &[]] {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
}

#[test]
fn one_change_at_a_time() {
    let board = Board::new();
    let edges = board.edges();
    std::thread::scope(|scope| {
        for slot in Slot::ALL {
            let edges = &edges;
            scope.spawn(move || {
                for _ in 0..20 {
                    edges.run(board::boot_slot::Verb::SetPrimary(slot)).unwrap();
                    edges.run(board::boot_slot::Verb::GetPrimary).unwrap();
                }
            });
        }
    });
}
