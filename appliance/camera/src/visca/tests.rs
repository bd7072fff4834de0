//! The head against a camera that answers as a test wants.

use super::*;
use std::net::TcpListener;

fn udp(answers: impl Fn(usize, &[u8]) -> Vec<Vec<u8>> + Send + 'static) -> (Visca, std::thread::JoinHandle<usize>) {
    let camera = UdpSocket::bind("127.0.0.1:0").unwrap();
    camera.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let visca = Visca::new(&camera.local_addr().unwrap().to_string(), ViscaTransport::Udp);
    let thread = std::thread::spawn(move || {
        let (mut bytes, mut commands) = ([0u8; 64], 0);
        while let Ok((length, peer)) = camera.recv_from(&mut bytes) {
            let Some((kind, number, payload)) = frame::opened(&bytes[..length]) else { continue };
            if kind == CONTROL {
                camera.send_to(&frame::datagram(CONTROL_REPLY, number, &RESET), peer).unwrap();
                continue;
            }
            if payload == frame::drive(0.0, 0.0) {
                break;
            }
            for answer in answers(commands, payload) {
                camera.send_to(&frame::datagram(REPLY, number, &answer), peer).unwrap();
            }
            commands += 1;
        }
        commands
    });
    (visca, thread)
}

/// Ends the camera of a test.
fn over(mut visca: Visca, thread: std::thread::JoinHandle<usize>) -> usize {
    let _ = visca.exchange(&frame::drive(0.0, 0.0));
    thread.join().unwrap()
}

const TAKEN: [u8; 3] = [0x90, 0x41, 0xFF];
const DONE: [u8; 3] = [0x90, 0x51, 0xFF];

fn preset(n: &str) -> Move {
    Move::Preset(n.to_owned())
}

#[test]
fn a_preset_is_taken_and_then_reached() {
    let (mut visca, thread) = udp(|_, payload| {
        assert_eq!(payload, frame::recall(5));
        vec![TAKEN.to_vec(), DONE.to_vec()]
    });
    visca.begin(&preset("5")).unwrap();
    assert!(visca.arrived().unwrap());
    assert!(visca.arrived().unwrap(), "and stays there");
    assert_eq!(over(visca, thread), 1);
}

#[test]
fn a_lost_datagram_is_sent_again_with_its_number() {
    let (mut visca, thread) = udp(|n, _| if n == 0 { Vec::new() } else { vec![TAKEN.to_vec()] });
    visca.begin(&preset("1")).unwrap();
    assert_eq!(over(visca, thread), 2);
}

#[test]
fn refusals_have_their_reasons() {
    let (mut visca, thread) = udp(|n, _| {
        let refusal = if n == 0 { vec![0x90, 0x60, 0x02, 0xFF] } else { vec![0x90, 0x61, 0x41, 0xFF] };
        // What is nonsense comes first, and is passed over.
        vec![vec![0x00], vec![0x90, 0xFF], refusal]
    });
    assert_eq!(visca.begin(&preset("1")).unwrap_err().to_string(), "it does not know this command");
    assert_eq!(visca.begin(&preset("1")).unwrap_err().to_string(), "it says: it cannot do this now");
    for wrong in ["", "255", "-1", "wide"] {
        assert!(matches!(visca.begin(&preset(wrong)), Err(CameraError::NoPreset(_))), "{wrong}");
    }
    assert_eq!(over(visca, thread), 2);
}

#[test]
fn a_camera_that_dies_in_mid_move_is_not_waited_for() {
    let (mut visca, thread) = udp(|_, _| vec![TAKEN.to_vec()]);
    visca.begin(&preset("1")).unwrap();
    let begun = Instant::now();
    assert!(!visca.arrived().unwrap(), "it has not said so");
    over(visca, thread);
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
}

#[test]
fn nobody_there_is_told_in_time() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let silent = socket.local_addr().unwrap().to_string();
    let begun = Instant::now();
    let error = Visca::new(&silent, ViscaTransport::Udp).begin(&Move::Stop).unwrap_err();
    assert!(matches!(error, CameraError::Silent), "{error:?}");
    drop(socket);
    let error = Visca::new(&silent, ViscaTransport::Udp).begin(&preset("1")).unwrap_err();
    assert!(matches!(error, CameraError::Unreachable(_)), "{error:?}");
    let error = Visca::new(&silent, ViscaTransport::Tcp).begin(&preset("1")).unwrap_err();
    assert!(matches!(error, CameraError::Unreachable(_)), "{error:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn bare_messages_on_a_connection_that_is_opened_anew_where_it_was_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut visca = Visca::new(&listener.local_addr().unwrap().to_string(), ViscaTransport::Tcp);
    let thread = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            let mut bytes = [0u8; 7];
            stream.read_exact(&mut bytes).unwrap();
            assert_eq!(bytes[..], frame::recall(2));
            // In pieces, as TCP may bring it.
            for part in [&TAKEN[..2], &TAKEN[2..], &DONE[..]] {
                stream.write_all(part).unwrap();
            }
        }
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&[0x20; 40]).unwrap();
        let _ = stream.read(&mut [0u8; 7]);
    });
    visca.begin(&preset("2")).unwrap();
    assert!(visca.arrived().unwrap());
    visca.begin(&preset("2")).unwrap();
    visca.line = None;
    let error = visca.begin(&preset("2")).unwrap_err();
    assert!(matches!(error, CameraError::NotUnderstood(_)), "{error:?}");
    thread.join().unwrap();
}

#[test]
fn an_answer_to_an_earlier_command_is_none_to_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut visca = Visca::new(&listener.local_addr().unwrap().to_string(), ViscaTransport::Tcp);
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0u8; 7];
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&TAKEN).unwrap();
        stream.read_exact(&mut bytes).unwrap();
        stream.write_all(&[&DONE[..], &[0x90, 0x62, 0x41, 0xFF]].concat()).unwrap();
    });
    visca.begin(&preset("2")).unwrap();
    assert_eq!(visca.begin(&preset("3")).unwrap_err().to_string(), "it says: it cannot do this now");
    thread.join().unwrap();
}

/// A camera on connections that answers one command after the other as `answers` say; where one is empty it closes the
/// connection. The commands that it got, when it is dropped by the head.
fn tcp(answers: Vec<&'static [u8]>) -> (Visca, std::thread::JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let visca = Visca::new(&listener.local_addr().unwrap().to_string(), ViscaTransport::Tcp);
    let thread = std::thread::spawn(move || {
        let (mut answers, mut heard) = (answers.into_iter().peekable(), Vec::new());
        while answers.peek().is_some() {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut message, mut byte) = (Vec::new(), [0u8]);
            while stream.read_exact(&mut byte).is_ok() {
                message.push(byte[0]);
                if byte[0] != 0xFF {
                    continue;
                }
                heard.push(std::mem::take(&mut message));
                match answers.next() {
                    Some(answer) if !answer.is_empty() => stream.write_all(answer).unwrap(),
                    _ => break,
                }
            }
        }
        heard
    });
    (visca, thread)
}

const UNKNOWN: [u8; 4] = [0x90, 0x60, 0x02, 0xFF];
const FULL: [u8; 4] = [0x90, 0x60, 0x03, 0xFF];
const NOT_NOW: [u8; 4] = [0x90, 0x61, 0x41, 0xFF];

#[test]
fn a_part_that_a_camera_lacks_is_refused_alone() {
    let check = |movement: Move, answers: &[&'static [u8]], expected: Result<(), &str>| {
        let (mut visca, thread) = tcp(answers.to_vec());
        let told = visca.begin(&movement).map_err(|error| error.to_string());
        drop(visca);
        assert_eq!(told, expected.map_err(str::to_owned), "{movement:?}, {answers:02X?}");
        assert_eq!(thread.join().unwrap().len(), answers.len(), "{movement:?}: each part is told once");
    };
    let along = |pan: f32, zoom: f32| Move::Along { pan, tilt: 0.0, zoom, at_most_ms: 0 };
    let (unknown, full, not_now) =
        ("it does not know this command", "it has too much to do at once", "it cannot do this now");
    let says = |words: &str| format!("it says: {words}");
    check(along(1.0, 1.0), &[&TAKEN, &TAKEN], Ok(()));
    check(along(1.0, 1.0), &[&TAKEN, &UNKNOWN], Ok(()));
    check(along(1.0, 1.0), &[&TAKEN, &NOT_NOW], Ok(()));
    check(along(1.0, 1.0), &[&UNKNOWN, &TAKEN], Ok(()));
    check(along(1.0, 1.0), &[&UNKNOWN, &NOT_NOW], Err(unknown));
    check(along(0.0, 1.0), &[&NOT_NOW], Err(&says(not_now)));
    check(along(1.0, 0.0), &[&UNKNOWN], Err(unknown));
    check(Move::Stop, &[&TAKEN, &TAKEN], Ok(()));
    check(Move::Stop, &[&TAKEN, &UNKNOWN], Ok(()));
    check(Move::Stop, &[&UNKNOWN, &TAKEN], Ok(()));
    check(Move::Stop, &[&UNKNOWN, &UNKNOWN], Err(unknown));
    // It has this part, and has not stopped it.
    check(Move::Stop, &[&TAKEN, &FULL], Err(&says(full)));
    check(Move::Stop, &[&FULL, &TAKEN], Err(&says(full)));
}

#[test]
fn a_step_that_fails_half_way_is_stopped_all_the_same() {
    // The lens says nothing, neither on this connection nor on the next.
    let (mut visca, thread) = tcp(vec![&TAKEN, &[], &[], &TAKEN, &TAKEN]);
    let error = visca.begin(&Move::Step { pan: 1.0, tilt: 0.0, zoom: 1.0 }).unwrap_err();
    assert!(matches!(error, CameraError::Unreachable(_)), "{error:?}");
    drop(visca);
    let heard = thread.join().unwrap();
    assert_eq!(heard[3..], [frame::drive(0.0, 0.0), frame::zoom(0.0)]);
}
