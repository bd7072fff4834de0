use super::*;
use simple_dns::rdata::{A, AAAA, PTR, SRV};

const ID: u16 = 0x4a17;
const SENDER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const RTSP: &str = "_rtsp._tcp.local";
const STAGE: &str = "Stage Left._rtsp._tcp.local";
const HOST: &str = "camera-7.local";

fn record(name: &'static str, data: RData<'static>) -> ResourceRecord<'static> {
    ResourceRecord::new(Name::new(name).unwrap(), CLASS::IN, 10, data)
}

fn ptr(service: &'static str, instance: &'static str) -> ResourceRecord<'static> {
    record(service, RData::PTR(PTR(Name::new(instance).unwrap())))
}

fn srv(instance: &'static str, host: &'static str, port: u16) -> ResourceRecord<'static> {
    record(instance, RData::SRV(SRV { priority: 0, weight: 0, port, target: Name::new(host).unwrap() }))
}

fn txt(instance: &'static str, strings: &[&'static str]) -> ResourceRecord<'static> {
    let text = strings.iter().fold(TXT::new(), |text, string| text.with_string(string).unwrap());
    record(instance, RData::TXT(text))
}

fn address(host: &'static str, address: &str) -> ResourceRecord<'static> {
    record(
        host,
        match address.parse().unwrap() {
            IpAddr::V4(address) => RData::A(A { address: address.into() }),
            IpAddr::V6(address) => RData::AAAA(AAAA { address: address.into() }),
        },
    )
}

/// What a camera answers that tells everything at once.
fn whole() -> [ResourceRecord<'static>; 4] {
    [ptr(RTSP, STAGE), srv(STAGE, HOST, 8554), txt(STAGE, &["path=/live"]), address(HOST, "192.0.2.7")]
}

/// An answer as it is sent: the first record is what was asked for, the others are additional.
fn packet(records: &[ResourceRecord<'static>]) -> Packet<'static> {
    let mut packet = Packet::new_reply(ID);
    let (answers, additional) = records.split_at(records.len().min(1));
    (packet.answers, packet.additional_records) = (answers.to_vec(), additional.to_vec());
    packet
}

fn answer(records: &[ResourceRecord<'static>]) -> Vec<u8> {
    packet(records).build_bytes_vec_compressed().unwrap()
}

fn heard(answers: &[Vec<u8>]) -> Vec<Found> {
    let mut search = Search::new(ID);
    for bytes in answers {
        search.take(bytes, SENDER);
    }
    search.found()
}

/// What a round asks: names and kinds.
fn asked(search: &mut Search) -> Vec<(String, TYPE)> {
    let question = |bytes: Vec<u8>| {
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.id(), packet.questions.len()), (ID, 1));
        let simple_dns::QTYPE::TYPE(kind) = packet.questions[0].qtype else { panic!("a kind of record") };
        (packet.questions[0].qname.to_string(), kind)
    };
    search.round().into_iter().map(question).collect()
}

fn streams(found: &[Found]) -> Vec<String> {
    found.iter().map(|one| one.stream.text_of("rtsp")).collect()
}

#[test]
fn a_camera_is_read_out_of_an_answer() {
    let expected = Found {
        endpoint: STAGE.into(),
        name: "Stage Left".into(),
        host: HOST.into(),
        stream: Url::of_stream("rtsp://192.0.2.7:8554/live").unwrap(),
        addresses: vec![SENDER],
    };
    assert_eq!(heard(&[answer(&whole())]), std::slice::from_ref(&expected));
    assert_eq!(heard(&[packet(&whole()).build_bytes_vec().unwrap()]), std::slice::from_ref(&expected), "uncompressed");
    let mut backwards = whole();
    backwards.reverse();
    assert_eq!(heard(&[answer(&backwards), answer(&whole())]), [expected], "in any order, and once");
}

/// As `avahi-daemon` 0.8 of Debian 12 answers by IPv4.
#[test]
fn bytes_of_others_are_read() {
    let bytes = b"\x4a\x17\x84\0\0\x01\0\x05\0\0\0\0\x05_rtsp\x04_tcp\x05local\0\0\x0c\0\x01\
        \xc0\x0c\0\x0c\0\x01\0\0\0\x0a\0\x11\x0eB\xc3\xbchne 1. Rang\xc0\x0c\
        \xc0.\0\x10\0\x01\0\0\0\x0a\0\x0b\x0apath=/live\
        \xc0.\0!\0\x01\0\0\0\x0a\0\x11\0\0\0\0!j\x08camera-7\xc0\x17\
        \xc0h\0\x1c\0\x01\0\0\0\x0a\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\
        \xc0h\0\x01\0\x01\0\0\0\x0a\0\x04\xc0\0\x02\x07";
    let found = heard(&[bytes.to_vec()]);
    assert_eq!(streams(&found), ["rtsp://192.0.2.7:8554/live"]);
    assert_eq!((found[0].name.as_str(), found[0].host.as_str()), ("Bühne 1. Rang", HOST));
    assert_eq!(found[0].endpoint, "Bühne 1\\. Rang._rtsp._tcp.local");
    assert_eq!(found[0].addresses, ["2001:db8::7".parse::<IpAddr>().unwrap(), SENDER]);
}

#[test]
fn what_is_left_out_is_asked_for() {
    let mut search = Search::new(ID);
    let services = [(RTSP.to_owned(), TYPE::PTR), ("_axis-video._tcp.local".to_owned(), TYPE::PTR)];
    let mut check = |records: &[ResourceRecord<'static>], further: &[(&str, TYPE)], found: usize| {
        search.take(&answer(records), SENDER);
        let expected: Vec<_> = further.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        assert_eq!(asked(&mut search), [&services[..], &expected].concat(), "{records:?}");
        assert_eq!(search.found().len(), found, "{records:?}");
    };
    check(&[], &[], 0);
    check(&[srv("Other._rtsp._tcp.local", HOST, 1)], &[], 0);
    check(&[ptr("_RTSP._tcp.LOCAL", STAGE)], &[(STAGE, TYPE::TXT), (STAGE, TYPE::SRV)], 0);
    check(&[srv(STAGE, HOST, 8554)], &[(STAGE, TYPE::TXT), (HOST, TYPE::A)], 0);
    check(&[address(HOST, "2001:db8::7")], &[(STAGE, TYPE::TXT), (HOST, TYPE::A)], 0);
    check(&[address("CAMERA-7.local", "192.0.2.7")], &[(STAGE, TYPE::TXT)], 1);
    check(&[txt(STAGE, &["x=y"])], &[], 1);
    assert_eq!(streams(&search.found()), ["rtsp://192.0.2.7:8554/"]);
    assert_eq!(search.found()[0].addresses.len(), 2);
    let sender: IpAddr = "2001:db8::7".parse().unwrap();
    let mut search = Search::new(ID);
    search.take(&answer(&[ptr(RTSP, STAGE), srv(STAGE, HOST, 8554), txt(STAGE, &[])]), sender);
    assert_eq!(asked(&mut search)[2..], [(HOST.to_owned(), TYPE::AAAA)]);
    search.take(&answer(&[address(HOST, "2001:db8::7")]), sender);
    assert_eq!(streams(&search.found()), ["rtsp://[2001:db8::7]:8554/"]);
}

#[test]
fn every_second_round_has_the_bit() {
    let mut search = Search::new(ID);
    for bit in [false, true, false] {
        let bits: Vec<_> =
            search.round().iter().map(|bytes| Packet::parse(bytes).unwrap().questions[0].unicast_response).collect();
        assert_eq!(vec![bit; 2], bits);
    }
}

#[test]
fn only_the_senders_own_address_counts() {
    let check = |records: &[ResourceRecord<'static>]| assert_eq!(heard(&[answer(records)]), [], "{records:?}");
    let [ptr, srv, txt, _] = whole();
    check(&[ptr.clone(), srv.clone(), txt.clone(), address(HOST, "192.0.2.8")]);
    check(&[ptr.clone(), srv.clone(), txt.clone(), address(HOST, "127.0.0.1"), address(HOST, "2001:db8::7")]);
    check(&[ptr.clone(), srv.clone(), txt.clone(), address("other.local", "192.0.2.7")]);
    // Nor does one machine add to what another has said.
    let mut search = Search::new(ID);
    search.take(&answer(&[ptr, srv, txt]), SENDER);
    search.take(&answer(&[address(HOST, "192.0.2.8")]), "192.0.2.8".parse().unwrap());
    search.take(&answer(&[address(HOST, "192.0.2.7")]), "192.0.2.8".parse().unwrap());
    assert_eq!(search.found(), []);
    assert_eq!(asked(&mut search).len(), 3, "its own address is asked for still");
}

#[test]
fn a_path_is_only_a_path() {
    let check = |strings: &[&'static str], expected: &str| {
        let [ptr, srv, _, address] = whole();
        let found = heard(&[answer(&[ptr, srv, txt(STAGE, strings), address])]);
        assert_eq!(streams(&found), [format!("rtsp://192.0.2.7:8554{expected}")], "{strings:?}");
    };
    check(&["path=live/1?x=y=z"], "/live/1?x=y=z");
    check(&["txtvers=1", "PATH=/a", "path=/b"], "/a");
    check(&["path"], "/");
    check(&["=/a", ""], "/");
    check(&["path=//192.0.2.8/a"], "/192.0.2.8/a");
    check(&["path=rtsp://192.0.2.8/a"], "/rtsp://192.0.2.8/a");
    check(&["path=@192.0.2.8/a"], "/@192.0.2.8/a");
    check(&["path=/a b"], "/");
    check(&["path=/a\r\nHost: x"], "/");
    check(&["path=/ä"], "/");
}

#[test]
fn a_camera_of_axis_has_its_stream_where_all_of_them_have() {
    const AXIS: &str = "AXIS P5655-E - ACCC8E000001._axis-video._tcp.local";
    let axis = [
        ptr("_axis-video._tcp.local", AXIS),
        srv(AXIS, HOST, 80),
        txt(AXIS, &["macaddress=ACCC8E000001"]),
        address(HOST, "192.0.2.7"),
    ];
    let found = heard(&[answer(&axis)]);
    assert_eq!(streams(&found), ["rtsp://192.0.2.7:554/axis-media/media.amp"]);
    assert_eq!(found[0].name, "AXIS P5655-E - ACCC8E000001");
    assert_eq!(
        streams(&heard(&[answer(&axis), answer(&whole())])),
        ["rtsp://192.0.2.7:8554/live"],
        "it says so itself"
    );
}

#[test]
fn what_is_no_answer_to_us_is_nothing() {
    let check = |why: &str, bytes: Vec<u8>| assert_eq!(heard(&[bytes]), [], "{why}");
    let changed = |change: &dyn Fn(&mut Packet<'static>)| {
        let mut packet = packet(&whole());
        change(&mut packet);
        packet.build_bytes_vec().unwrap()
    };
    check("another question's", changed(&|packet| packet.set_id(ID + 1)));
    check("a question", changed(&|packet| packet.remove_flags(PacketFlag::RESPONSE)));
    check("a refusal", changed(&|packet| *packet.rcode_mut() = RCODE::Refused));
    check("a goodbye", changed(&|packet| packet.additional_records.iter_mut().for_each(|record| record.ttl = 0)));
    check("of another class", changed(&|packet| packet.answers[0].class = CLASS::CH));
    check(
        "of another service",
        answer(&[ptr("_http._tcp.local", STAGE), srv(STAGE, HOST, 1), address(HOST, "192.0.2.7")]),
    );
    const DEEP: &str = "a.b._rtsp._tcp.local";
    check("no instance", answer(&[ptr(RTSP, DEEP), srv(DEEP, HOST, 1), address(HOST, "192.0.2.7")]));
    check("the service itself", answer(&[ptr(RTSP, RTSP), srv(RTSP, HOST, 1), address(HOST, "192.0.2.7")]));
    check("without a port", answer(&[ptr(RTSP, STAGE), srv(STAGE, HOST, 0), address(HOST, "192.0.2.7")]));
    check("nothing", Vec::new());
    check("noise", vec![0xff; 600]);
    let whole = packet(&whole()).build_bytes_vec().unwrap();
    for length in 0..whole.len() {
        check("cut off", whole[..length].to_vec());
    }
    let mut long = whole.clone();
    long.resize(ANSWER_BYTES_MAX + 1, 0);
    check("too long", long);
    let mut many = whole.clone();
    many[6..8].copy_from_slice(&[0xff, 0xff]);
    check("more records than it has", many);
}

#[test]
fn names_that_bite_their_tail_are_nothing() {
    // A head that speaks of one answer, whose name is what follows.
    let answer_named = |name: &[u8]| {
        let head = [&ID.to_be_bytes()[..], &[0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0]].concat();
        [&head[..], name, &[0, 12, 0, 1, 0, 0, 0, 10, 0, 2, 0xc0, 12]].concat()
    };
    let chain: Vec<u8> = (0..2000u16).flat_map(|n| (0xc000 | (12 + n * 2)).to_be_bytes()).collect();
    for name in [&[0xc0, 12][..], &[0xc0, 14, 0xc0, 12], &[1, b'a', 0xc0, 12], &[0xff, 0xff], &[0x80, 1], &chain] {
        assert_eq!(heard(&[answer_named(name)]), []);
    }
    let endless: Vec<u8> =
        std::iter::repeat_n(&b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"[..], 9)
            .flatten()
            .copied()
            .collect();
    assert_eq!(heard(&[answer_named(&endless)]), [], "longer than a name may be");
}

#[test]
fn what_is_kept_is_limited_and_tame() {
    let mut search = Search::new(ID);
    let name = |n: usize, end: &str| -> &'static str { format!("a\u{1b}[31m\r\n{n}{end}").leak() };
    for n in 0..INSTANCES_MAX * 2 {
        let instance = name(n, ".\\_rtsp._tcp.local");
        search.take(&answer(&[ptr(RTSP, instance), srv(instance, HOST, 554), address(HOST, "192.0.2.7")]), SENDER);
    }
    let found = search.found();
    assert_eq!(found.len(), INSTANCES_MAX);
    assert_eq!((found[0].name.as_str(), found[0].endpoint.as_str()), ("a [31m 0", "a [31m 0._rtsp._tcp.local"));
    assert_eq!(search.round().len(), 2 + FURTHER_MAX, "their paths, as many as are asked in one round");
    for n in 0..ADDRESSES_MAX * 2 {
        search.take(&answer(&[address(HOST, &format!("192.0.2.{}", 100 + n))]), SENDER);
    }
    assert_eq!(search.found()[0].addresses.len(), ADDRESSES_MAX);
    for n in 0..SENDERS_MAX * 2 {
        let sender = IpAddr::from([10, 0, (n >> 8) as u8, n as u8]);
        search.take(&answer(&[ptr(RTSP, STAGE), srv(STAGE, HOST, 554), address(HOST, &sender.to_string())]), sender);
    }
    assert_eq!(search.told.len(), SENDERS_MAX);
}

proptest::proptest! {
    #[test]
    fn whatever_comes_is_survived(bytes in proptest::collection::vec(0u8.., 0..300)) {
        heard(&[[&ID.to_be_bytes()[..], &bytes].concat()]);
    }

    #[test]
    fn whatever_an_answer_becomes_is_survived(changes in proptest::collection::vec((2usize..150, 0u8..), 1..9)) {
        let mut bytes = answer(&whole());
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let mut search = Search::new(ID);
        search.take(&bytes, SENDER);
        search.round();
        for found in search.found() {
            proptest::prop_assert_eq!(found.stream.address(), Some(SENDER));
        }
    }
}
