use super::*;
use automation::id::ChannelId;
use automation::spec::IngestStream;
use proptest::prelude::*;

fn hex(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

fn spec(generation: u64, streams: &[(&str, &str)]) -> IngestSpec {
    let stream = |(name, token): &(&str, &str)| IngestStream {
        name: (*name).into(),
        channel: ChannelId::new("main").unwrap(),
        token_sha256: hex(token),
    };
    IngestSpec { generation, streams: streams.iter().map(stream).collect() }
}

fn at(seconds: u64) -> Running {
    Running(0).plus_ms(seconds * 1_000)
}

/// Plays a script, a step a line, and compares what happened: `spec G name=token…`, `ask CONN key`,
/// `left CONN`, `faults`; `SECONDS` before a step moves the clock.
fn check(script: &str, want: &str) {
    let mut judge = Judge::default();
    let mut got = String::new();
    let mut now = at(0);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace().peekable();
        if let Some(seconds) = words.peek().and_then(|word| word.parse().ok()) {
            now = at(seconds);
            words.next();
        }
        let said = match words.next().unwrap() {
            "spec" => {
                let generation = words.next().unwrap().parse().unwrap();
                let streams: Vec<(&str, &str)> = words.map(|pair| pair.split_once('=').unwrap()).collect();
                match judge.take(spec(generation, &streams)) {
                    Ok(kicked) => format!(
                        "in force {} kicked {:?}",
                        judge.generation(),
                        kicked.iter().map(|c| c.0).collect::<Vec<_>>()
                    ),
                    Err(fault) => fault.code.as_str().to_owned(),
                }
            }
            "ask" => {
                let conn = ConnId(words.next().unwrap().parse().unwrap());
                let ask = Ask::parse("live", words.next().unwrap());
                match judge.admit(now, conn, "10.0.0.9", &ask) {
                    Ok(()) => "admitted".to_owned(),
                    Err((refusal, count)) => format!("{refusal:?} {count}"),
                }
            }
            "left" => {
                judge.left(ConnId(words.next().unwrap().parse().unwrap()));
                "left".to_owned()
            }
            "faults" => {
                let faults = judge.faults(now);
                faults.iter().map(|f| format!("{}@{}", f.code.as_str(), f.subject)).collect::<Vec<_>>().join(" ")
            }
            other => panic!("no step: {other}"),
        };
        got += said.trim();
        got.push('\n');
    }
    let want: String = want.lines().map(|line| format!("{}\n", line.trim())).skip(1).collect();
    assert_eq!(got.trim_end(), want.trim_end());
}

#[test]
fn without_a_spec_nobody_is_known() {
    check("ask 1 main_obs?token=a", "\nUnknown 1");
}

#[test]
fn the_token_decides_and_the_first_stays() {
    check(
        "spec 1 main_obs=a main_loop=b
         ask 1 main_obs
         ask 2 main_obs?token=b
         ask 3 main_loop?token=a
         ask 4 main_obs?token=a
         ask 5 main_obs?token=a
         ask 6 main_obs?token=x
         ask 7 main_loop?token=b
         left 5
         ask 8 main_obs?token=a
         left 4
         ask 8 main_obs?token=a",
        "
         in force 1 kicked []
         Token 1
         Token 2
         Token 1
         admitted
         Taken 1
         Token 1
         admitted
         left
         Taken 2
         left
         admitted",
    );
}

#[test]
fn a_rotated_token_or_a_removed_stream_kicks() {
    check(
        "spec 4 main_obs=a two_obs=b
         ask 1 main_obs?token=a
         ask 2 two_obs?token=b
         spec 5 main_obs=new two_obs=b
         ask 3 main_obs?token=a
         ask 4 main_obs?token=new
         spec 6 main_obs=new
         ask 5 two_obs?token=b",
        "
         in force 4 kicked []
         admitted
         admitted
         in force 5 kicked [1]
         Token 1
         admitted
         in force 6 kicked [2]
         Unknown 1",
    );
}

#[test]
fn older_specs_are_refused_and_a_repeat_is_fine() {
    check(
        "spec 7 main_obs=a
         ask 1 main_obs?token=a
         spec 7 main_obs=a
         spec 7 main_obs=b
         spec 6 main_obs=b
         spec 8 main_obs=b",
        "
         in force 7 kicked []
         admitted
         in force 7 kicked []
         spec_stale
         spec_stale
         in force 8 kicked [1]",
    );
}

#[test]
fn refusals_are_shown_for_a_minute_and_go_when_it_works() {
    check(
        "spec 1 main_obs=a
         0 ask 1 main_obs?token=x
         10 ask 2 main_obs?token=y
         10 ask 3 other_obs?token=y
         10 faults
         69 faults
         70 faults
         80 ask 4 main_obs
         81 faults
         82 ask 5 main_obs?token=a
         82 faults",
        "
         in force 1 kicked []
         Token 1
         Token 2
         Unknown 1
         publisher_refused@main_obs publisher_unknown@other_obs
         publisher_refused@main_obs publisher_unknown@other_obs

         Token 1
         publisher_refused@main_obs
         admitted
         ",
    );
}

#[test]
fn bad_specs_name_the_place() {
    let mut two = spec(1, &[("main_obs", "a"), ("main_obs", "b")]);
    let fault = Judge::default().take(two.clone()).unwrap_err();
    assert_eq!((fault.code, fault.subject.as_str()), (Code::SpecInvalid, "streams[1].name"));
    two.streams[1].name = "two_obs".into();
    two.streams[0].token_sha256 = hex("a").to_uppercase();
    assert_eq!(Judge::default().take(two.clone()).unwrap_err().subject, "streams[0].token_sha256");
    two.streams[0].token_sha256.pop();
    assert_eq!(Judge::default().take(two).unwrap_err().subject, "streams[0].token_sha256");
}

#[test]
fn a_refused_spec_changes_nothing() {
    let mut judge = Judge::default();
    judge.take(spec(1, &[("main_obs", "a")])).unwrap();
    judge.take(spec(2, &[("main_obs", "a"), ("main_obs", "a")])).unwrap_err();
    assert_eq!(judge.generation(), 1);
    assert!(judge.admit(at(0), ConnId(1), "p", &Ask::parse("live", "main_obs?token=a")).is_ok());
}

#[test]
fn another_app_is_unknown() {
    let mut judge = Judge::default();
    judge.take(spec(1, &[("main_obs", "a")])).unwrap();
    let ask = Ask::parse("stream", "main_obs?token=a");
    assert_eq!(judge.admit(at(0), ConnId(1), "p", &ask), Err((Refusal::Unknown, 1)));
}

#[test]
fn strangers_cannot_fill_the_status() {
    let mut judge = Judge::default();
    for i in 0..1_000 {
        let ask = Ask::parse("live", &format!("s{i}_obs"));
        assert!(judge.admit(at(0).plus_ms(i), ConnId(i), "p", &ask).is_err());
    }
    let faults = judge.faults(at(1));
    assert_eq!(faults.len(), REFUSALS_MAX);
    assert_eq!(faults[0].subject, format!("s{}_obs", 1_000 - REFUSALS_MAX));
}

proptest! {
    #[test]
    fn only_the_very_token_opens(token in "[A-Za-z0-9_-]{1,40}", tried in "[A-Za-z0-9_-]{0,40}") {
        let mut judge = Judge::default();
        judge.take(spec(1, &[("main_obs", &token)])).unwrap();
        let ask = Ask::parse("live", &format!("main_obs?token={tried}"));
        prop_assert_eq!(judge.admit(at(0), ConnId(1), "p", &ask).is_ok(), token == tried);
        for fault in judge.faults(at(0)) {
            prop_assert!(tried.len() < 8 || !fault.text.contains(&tried));
        }
    }
}
