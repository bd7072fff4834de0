//! What can go wrong, each with a stable code, a text for the operator, and what to do.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident $code:literal $text:literal $remedy:literal)*) => {
        /// A stable name of one kind of trouble. Its text form never changes once released.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        pub enum Code {
            $(
                #[doc = $text]
                #[serde(rename = $code)]
                #[cfg_attr(feature = "schema", schema(rename = $code))]
                $name,
            )*
        }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Code] = &[$(Code::$name),*];

            /// The stable text form.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code),* }
            }

            /// What happened, in the operator's words.
            pub const fn text(self) -> &'static str {
                match self { $(Code::$name => $text),* }
            }

            /// What a person can do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(Code::$name => $remedy),* }
            }
        }
    };
}

codes! {
    SourceUnreachable "source_unreachable" "The camera does not answer." "Check that it has power and network, and that its address is right. Bandstand tries again by itself."
    SourceRefused "source_refused" "The camera refuses the user name or password." "Enter the camera's user name and password again."
    SourceTls "source_tls" "The camera's certificate is not trusted." "A camera in your own network makes its own certificate: accept any certificate for it. Else check the address, and the box's date."
    SourceNotFound "source_not_found" "The camera has no stream at this address." "Check the part of the address after the host name; the camera's manual lists it."
    SourceNoVideo "source_no_video" "The stream has no picture." "Choose a stream that has a picture, or switch the picture on at the far side."
    SourceUnsupported "source_unsupported" "The stream's format cannot be decoded." "Set the camera or the program to H.264."
    SourceNoSound "source_no_sound" "The stream has no sound." "Choose a stream that has sound, or switch the sound on at the far side."
    SourceBusy "source_busy" "The device is in use by another program." "End the other program, or choose another device. Bandstand tries again by itself."
    SourceNoSignal "source_no_signal" "The device gets no signal." "Check the cable at its input, and that what is connected is switched on. Some players give no picture to grabbers: switch their copy protection (HDCP) off."
    SourceLost "source_lost" "The source stopped sending pictures." "Check its power and cable. Bandstand shows the fallback and returns by itself when pictures are back."
    SourceFrozen "source_frozen" "The source's picture stands still." "Look whether something moves before the camera. If so, switch the camera off and on."
    SourceBlack "source_black" "The source's picture is black." "Check the lens cap, the light, and what is connected to the encoder."
    SourceSilent "source_silent" "The source's sound is silent." "Check that the microphone or mixing desk is on, not muted, and connected."
    SourceUnstable "source_unstable" "The source comes and goes: three times within two minutes." "Check its cable, its Wi-Fi and its power supply. A longer buffer under its settings helps against a poor network."
    SourceTooMuch "source_too_much" "This box cannot decode the source's pictures in time: some are left out." "Set the camera to H.264, to 1080p or less and 30 pictures a second, or choose its smaller stream."
    SoundFallback "sound_fallback" "The chosen sound is not there: the sound of the picture is heard." "Bring the source back whose sound shall be heard, or choose another one under Settings."
    SourceWaiting "source_waiting" "Nobody is publishing to this input yet." "Start streaming in OBS with the address and stream key that are shown beside the source."
    CameraUnreachable "camera_unreachable" "The camera does not answer." "Check that it has power and network, and that its address is right."
    CameraRefused "camera_refused" "The camera refuses the user name or password." "Enter the user name and password of the camera again; some cameras have users of their own for ONVIF, and lock up for a while after wrong ones."
    CameraNotUnderstood "camera_not_understood" "What answers is not understood." "Check the address, and that ONVIF is switched on in the camera."
    CameraUnsupported "camera_unsupported" "The camera does not do this." "Set the camera to H.264, or add it by the address of its stream."
    CameraOnAir "camera_on_air" "The camera is on air: the audience would see it move." "Put another source on air first, or move it all the same."
    CameraFollowed "camera_followed" "The camera has another address, and its source follows." "Nothing to do. A fixed address for the camera in the router avoids the gap."
    PresetMissing "preset_missing" "The camera has no such preset." "Choose another preset in the cue, or store it in the camera."
    PresetSkipped "preset_skipped" "The camera had no time off air and was not moved to its preset." "Leave the camera off air ahead of its cue for as long as it takes to arrive, or allow the cue to move it on air."
    MoveFailed "move_failed" "The camera did not move." "Try to move it by hand; restart the camera if it does not."
    MediaUnreadable "media_unreadable" "The file is no video or picture that can be played." "Upload it again, as MP4 with H.264 and AAC, or as PNG or JPEG."
    MediaMissing "media_missing" "The file is gone." "Upload it again."
    FontMissing "font_missing" "No font is installed: texts over the picture are left out." "Install a font on the box, for example the package fonts-dejavu-core."
    SlatePicture "slate_picture" "The slate's picture cannot be shown: the slate has its text alone." "Choose another picture for the slate under Settings, or upload it again."
    SlateOnAir "slate_on_air" "No source is available: the audience sees the slate." "Bring a camera back, or configure a backup camera or a loop."
    SlateByHand "slate_by_hand" "The slate is on air because somebody put it there." "Press Release to give the program back to the plan."
    FallbackOnAir "fallback_on_air" "A fallback is on air instead of the planned source." "Mend the planned source; Bandstand returns to it by itself."
    DestinationUnreachable "destination_unreachable" "The platform does not answer." "Check the internet connection and the address. Bandstand tries again by itself."
    DestinationRefused "destination_refused" "The platform refuses the stream key." "Copy the stream key from the platform again."
    DestinationStalled "destination_stalled" "The platform takes no data." "The uplink may be too slow; Bandstand reconnects by itself."
    DestinationLost "destination_lost" "The connection to the platform broke." "Bandstand reconnects by itself."
    DestinationTls "destination_tls" "The platform's certificate is not trusted." "Check the address, and the box's date."
    BitrateLow "bitrate_low" "The platform asks for more data than the picture has." "Choose a better picture quality under Settings. The broadcast goes on as it is, but the platform may show it badly."
    PlatformStricter "platform_stricter" "The platform takes less than this broadcast is sent with." "End the broadcast, then switch it on: the next one is sent with what all destinations take. Until then it can be stored switched off."
    ClockUnknown "clock_unknown" "The box does not know the time: a timeline that follows the time of day waits." "Connect the box to the internet, so that it can ask for the time."
    DestinationRenewal "destination_renewal" "A planned new session is due." "Nothing needs doing: a session that runs on for too long is ended by the platform, so Bandstand begins a new one before."
    DestinationDiskFull "destination_disk_full" "There is no room left for files." "Delete what is not needed, or let the folder keep less. Bandstand goes on by itself."
    DestinationDiskFailed "destination_disk_failed" "The files cannot be written." "Check that the medium is there and sound. Bandstand tries again by itself."
    DestinationDiskMissing "destination_disk_missing" "The disk for recordings is not there." "Plug it in again: recording goes on by itself. What is sent elsewhere is not touched by it."
    TicksMissing "ticks_missing" "The box was too slow: pictures are missing from the program." "Stop other work on the box, or choose a smaller format."
    EncoderFailed "encoder_failed" "The encoder stopped." "The channel is restarted by itself; if it comes back, send the report to support."
    WorkerLost "worker_lost" "The channel's process ended and is started again." "If it comes back, send the report to support."
    WorkerHung "worker_hung" "The channel's process hung and was replaced." "If it comes back, send the report to support."
    WorkerLarge "worker_large" "The channel's process used too much memory and was replaced." "Use fewer or smaller sources; if it comes back, send the report to support."
    WorkerVersion "worker_version" "The channel's process speaks another version." "Restart the box."
    IngestLost "ingest_lost" "The door for OBS and other publishers is closed." "It is started again by itself."
    PortInUse "port_in_use" "A port that Bandstand needs is taken." "Stop the named program, or choose another port."
    PublisherRefused "publisher_refused" "A publisher was refused: the token is wrong or missing." "Copy the stream key of the source into OBS again."
    PublisherUnknown "publisher_unknown" "A publisher was refused: there is no such stream." "Copy the address and stream key of the source into OBS again."
    PublisherTaken "publisher_taken" "A second publisher was refused: the stream is being published already." "Stop the other one first, or give each its own source."
    OnAir "on_air" "A broadcast is on air." "End it first, or wait until it has ended."
    SpecStale "spec_stale" "An older plan arrived and was refused." "Nothing to do."
    SpecInvalid "spec_invalid" "The plan is not consistent." "Correct what is named."
    TimelineInvalid "timeline_invalid" "The timeline cannot be stored." "Correct the cue that is named."
    RequestInvalid "request_invalid" "The request is not understood." "Correct what is named."
    NotFound "not_found" "There is no such thing here." "Reload the page."
    Conflict "conflict" "This does not fit what is going on." "Reload the page, then try again."
    InUse "in_use" "It is in use." "Take it out where it is used, then delete it."
    WifiAbsent "wifi_absent" "This box has no Wi-Fi, or it is switched off." "Use a cable, or plug in a Wi-Fi adapter."
    WifiPasswordWrong "wifi_password_wrong" "The Wi-Fi refuses the password." "Enter the password again: capital and small letters differ."
    WifiNotFound "wifi_not_found" "The Wi-Fi is not in reach." "Check its name, letter by letter, and that the box is near enough. A 5 GHz network needs the right country."
    WifiNoAddress "wifi_no_address" "The Wi-Fi lets the box in and gives it no address." "Restart the router; its list of devices may be full, or it may let in only those that it knows."
    WifiNotJoined "wifi_not_joined" "The Wi-Fi was not joined." "Check the password, go nearer to the router, and try again."
    SignInNeeded "sign_in_needed" "You are not signed in." "Sign in."
    SignInRefused "sign_in_refused" "The code or password is wrong." "Try again. A forgotten password is reset on the box itself."
    TooMany "too_many" "Too many tries." "Wait a minute."
    TooLarge "too_large" "It is too large." "Choose something smaller."
    StorageFailed "storage_failed" "The box cannot write to its storage." "Check the card: it may be full or worn out."
    Internal "internal" "Something went wrong inside Bandstand." "Try again; if it comes back, send the report to support."
}

impl Code {
    /// Whether it counts as a trouble where it stands: not a publisher that has not come yet, nor a fallback, whose
    /// cause is told by itself.
    pub const fn is_trouble(self) -> bool {
        !matches!(self, Code::SourceWaiting | Code::FallbackOnAir)
    }
}

/// One trouble that stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fault {
    /// Its kind.
    pub code: Code,
    /// What it is about: an id, or a field's path such as `tracks[0].cues[2].at_ms`; empty where it is the whole.
    pub subject: String,
    /// What happened, with names and numbers, for the operator. Holds no secret.
    pub text: String,
    /// What a person can do.
    pub remedy: String,
}

impl Fault {
    /// A fault with the words of its code.
    pub fn new(code: Code, subject: impl Into<String>) -> Fault {
        Fault { code, subject: subject.into(), text: code.text().into(), remedy: code.remedy().into() }
    }

    /// The same, with a more exact text.
    pub fn with_text(mut self, text: impl Into<String>) -> Fault {
        self.text = text.into();
        self
    }

    /// The same, with a remedy that fits better.
    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Fault {
        self.remedy = remedy.into();
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_happened_and_what_to_do() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{code:?} has the text form of another");
            assert!(code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code:?}");
            assert!(code.text().ends_with('.') && code.remedy().ends_with('.'), "{code:?}: whole sentences");
            assert_eq!(serde_json::to_string(code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }
}
