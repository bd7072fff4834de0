//! Every route there is.

use super::route::{Gives, QueryParameter, Route, route, schema};
use super::{
    assets, broadcast, cameras, channels, destinations, disk, live, network, panel, session, sources, system,
    time_zone, timelines,
};
use crate::doc::{
    AssetDoc, Board, CameraDraft, ChannelDoc, ChannelDraft, ChannelPatch, Claim, DestinationDoc, DestinationDraft,
    DiskDoc, DiskDraft, ExecutionDoc, FoundCamera, GoLive, Health, LiveStarted, MoveDraft, NetworkDoc, PanelDoc,
    PanelStatusDoc, PinChoice, PlatformDoc, PresetDoc, ResetDraft, SessionDoc, SignIn, SignedIn, SourceChoice,
    SourceDoc, SourceDraft, SystemDoc, TimeZoneChoice, TimeZoneDoc, TimelineBody, TimelineDoc, UpdateFrom, WifiDraft,
};
use crate::doctor::Finding;
use automation::fault::Code;
use warp::http::Method;

const UPLOAD_QUERY: &[QueryParameter] = &[QueryParameter {
    name: "name",
    text: "Name of the file, 1 to 100 characters; percent-encoded UTF-8.",
    count_max: None,
}];
const PAGE_QUERY: &[QueryParameter] = &[
    QueryParameter {
        name: "limit",
        text: "At most so many; 100 where absent. A list that is shorter is the end.",
        count_max: Some(crate::store::executions::LISTED_MAX),
    },
    QueryParameter {
        name: "before",
        text: "Only those that began before the broadcast of this id: the last one of the page above.",
        count_max: None,
    },
];

/// The table, in the order of the document.
pub fn table() -> Vec<Route> {
    let mut table = Vec::new();
    table.extend(box_routes());
    table.extend(system_routes());
    table.extend(network_routes());
    table.extend(channel_routes());
    table.extend(source_routes());
    table.extend(camera_routes());
    table.extend(destination_routes());
    table.extend(timeline_routes());
    table.extend(asset_routes());
    table.extend(broadcast_routes());
    table.extend(hand_routes());
    table
}

fn box_routes() -> [Route; 8] {
    const TAG: &str = "box";
    [
        route(Method::GET, "/health", "health", TAG, "Whether Bandstand answers")
            .open()
            .gives::<Health>(200)
            .by(session::health),
        route(Method::GET, "/session", "getSession", TAG, "Who is signed in")
            .open()
            .gives::<SessionDoc>(200)
            .by(session::show),
        route(Method::POST, "/session/claim", "claim", TAG, "Make the first account, with the code that was printed")
            .open()
            .takes::<Claim>()
            .gives::<SignedIn>(201)
            .refuses(&[Code::SignInRefused, Code::Conflict])
            .answered(session::claim),
        route(Method::POST, "/session", "signIn", TAG, "Sign in")
            .open()
            .takes::<SignIn>()
            .gives::<SignedIn>(200)
            .refuses(&[Code::SignInRefused])
            .answered(session::sign_in),
        route(Method::DELETE, "/session", "signOut", TAG, "Sign out").open().status(204).answered(session::sign_out),
        route(Method::GET, "/state", "getState", TAG, "The status board").gives::<Board>(200).by(live::state),
        route(Method::GET, "/events", "events", TAG, "The status board whenever it changes: events named `board`")
            .gives_other(200, Gives::Events(schema::<Board>()))
            .refuses(&[Code::TooMany])
            .answered(live::events),
        route(Method::GET, "/openapi.json", "openapi", TAG, "This document")
            .gives_other(200, Gives::File(&["application/json"]))
            .answered(live::openapi),
    ]
}

fn system_routes() -> [Route; 13] {
    const TAG: &str = "box";
    [
        route(Method::GET, "/system", "getSystem", TAG, "The box's version, and what became of an update")
            .gives::<SystemDoc>(200)
            .by(system::show),
        route(
            Method::GET,
            "/system/doctor",
            "examine",
            TAG,
            "What Bandstand stands upon, looked at now: what is wrong, and what to do",
        )
        .lists::<Finding>()
        .refuses(&[Code::StorageFailed, Code::TooMany])
        .by(system::doctor),
        route(Method::PUT, "/system/update", "installUpdate", TAG, "Install an update; a restart tries it")
            .takes_file(crate::system::UPDATE_BYTES_MAX)
            .gives::<SystemDoc>(202)
            .refuses(&[Code::Conflict, Code::OnAir, Code::RequestInvalid])
            .by(system::install),
        route(
            Method::POST,
            "/system/update/fetch",
            "fetchUpdate",
            TAG,
            "The same from an address, while it is written",
        )
        .takes::<UpdateFrom>()
        .gives::<SystemDoc>(202)
        .refuses(&[Code::Conflict, Code::OnAir])
        .with(system::install_from),
        route(Method::GET, "/panel", "getPanel", TAG, "The button and the lamp on the box, and the board's lines")
            .gives::<PanelStatusDoc>(200)
            .by(panel::show),
        route(
            Method::PUT,
            "/panel",
            "changePanel",
            TAG,
            "Connect a button that goes live and ends, and a lamp that tells",
        )
        .takes::<PanelDoc>()
        .gives::<PanelStatusDoc>(200)
        .with(panel::change),
        route(Method::DELETE, "/panel", "removePanel", TAG, "Let the board's lines alone")
            .status(204)
            .by(panel::remove),
        route(Method::GET, "/time-zone", "getTimeZone", TAG, "The box's time zone, and those that it offers")
            .gives::<TimeZoneDoc>(200)
            .by(time_zone::show),
        route(
            Method::PUT,
            "/time-zone",
            "changeTimeZone",
            TAG,
            "Choose the time zone that daily timelines and shown times follow, at once",
        )
        .takes::<TimeZoneChoice>()
        .gives::<TimeZoneDoc>(200)
        .refuses(&[Code::OnAir])
        .with(time_zone::change),
        route(Method::GET, "/disk", "getDisk", TAG, "The disk for recordings, and disks that could be one")
            .gives::<DiskDoc>(200)
            .by(disk::show),
        route(Method::POST, "/disk", "prepareDisk", TAG, "Prepare a disk for recordings; everything on it is deleted")
            .takes::<DiskDraft>()
            .gives::<DiskDoc>(202)
            .refuses(&[Code::Conflict, Code::OnAir])
            .with(disk::take),
        route(Method::POST, "/system/restart", "restart", TAG, "Restart the box")
            .status(202)
            .refuses(&[Code::Conflict, Code::OnAir])
            .by(system::restart),
        route(Method::POST, "/system/reset", "reset", TAG, "Take the box back to how it was delivered")
            .takes::<ResetDraft>()
            .status(202)
            .refuses(&[Code::Conflict, Code::OnAir])
            .with(system::reset),
    ]
}

fn network_routes() -> [Route; 4] {
    const TAG: &str = "box";
    [
        route(
            Method::GET,
            "/network",
            "getNetwork",
            TAG,
            "What the box is connected by, and the Wi-Fi networks in reach",
        )
        .gives::<NetworkDoc>(200)
        .by(network::show),
        route(Method::POST, "/network/scan", "scanWifi", TAG, "Look for Wi-Fi networks anew")
            .status(202)
            .refuses(&[Code::Conflict, Code::WifiAbsent])
            .by(network::scan),
        route(
            Method::PUT,
            "/network/wifi",
            "joinWifi",
            TAG,
            "Join a Wi-Fi network; what became of it is told by the network's `attempt`",
        )
        .takes::<WifiDraft>()
        .status(202)
        .refuses(&[Code::Conflict, Code::OnAir, Code::WifiAbsent])
        .with(network::join),
        route(Method::DELETE, "/network/wifi/{id}", "forgetWifi", TAG, "Forget a Wi-Fi network that the box knows")
            .status(204)
            .refuses(&[Code::Conflict, Code::OnAir])
            .by(network::forget),
    ]
}

fn channel_routes() -> [Route; 5] {
    const TAG: &str = "channels";
    [
        route(Method::GET, "/channels", "listChannels", TAG, "Every channel").lists::<ChannelDoc>().by(channels::list),
        route(Method::POST, "/channels", "createChannel", TAG, "Make a channel")
            .takes::<ChannelDraft>()
            .gives::<ChannelDoc>(201)
            .refuses(&[Code::Conflict, Code::SpecInvalid])
            .with(channels::create),
        route(Method::GET, "/channels/{ch}", "getChannel", TAG, "One channel")
            .gives::<ChannelDoc>(200)
            .by(channels::show),
        route(Method::PATCH, "/channels/{ch}", "changeChannel", TAG, "Change a channel")
            .takes::<ChannelPatch>()
            .gives::<ChannelDoc>(200)
            .refuses(&[Code::Conflict, Code::SpecInvalid])
            .with(channels::change),
        route(Method::DELETE, "/channels/{ch}", "deleteChannel", TAG, "Delete a channel that is not on air")
            .status(204)
            .refuses(&[Code::InUse])
            .by(channels::delete),
    ]
}

fn source_routes() -> [Route; 6] {
    const TAG: &str = "sources";
    const ALL: &str = "/channels/{ch}/sources";
    const ONE: &str = "/channels/{ch}/sources/{id}";
    [
        route(Method::GET, ALL, "listSources", TAG, "The channel's sources").lists::<SourceDoc>().by(sources::list),
        route(Method::POST, ALL, "createSource", TAG, "Add a source")
            .takes::<SourceDraft>()
            .gives::<SourceDoc>(201)
            .refuses(&[Code::Conflict, Code::SpecInvalid])
            .with(sources::create),
        route(Method::GET, ONE, "getSource", TAG, "One source").gives::<SourceDoc>(200).by(sources::show),
        route(Method::PUT, ONE, "changeSource", TAG, "Change a source")
            .takes::<SourceDraft>()
            .gives::<SourceDoc>(200)
            .refuses(&[Code::Conflict, Code::SpecInvalid])
            .with(sources::change),
        route(Method::DELETE, ONE, "deleteSource", TAG, "Delete a source that is used nowhere")
            .status(204)
            .refuses(&[Code::InUse])
            .by(sources::delete),
        route(
            Method::POST,
            "/channels/{ch}/sources/{id}/rotate-token",
            "rotateToken",
            TAG,
            "Give a publisher's source a new stream key",
        )
        .gives::<SourceDoc>(200)
        .refuses(&[Code::Conflict])
        .by(sources::rotate_token),
    ]
}

/// What asking a camera may come to.
const ASKED: &[Code] =
    &[Code::CameraUnreachable, Code::CameraRefused, Code::CameraNotUnderstood, Code::CameraUnsupported];

fn camera_routes() -> [Route; 5] {
    const TAG: &str = "cameras";
    [
        route(
            Method::POST,
            "/cameras/search",
            "searchCameras",
            TAG,
            "Which cameras answer in the network: some seconds",
        )
        .lists::<FoundCamera>()
        .refuses(&[Code::CameraUnreachable])
        .by(cameras::search),
        route(Method::POST, "/channels/{ch}/cameras", "addCamera", TAG, "Ask a camera by ONVIF, and make it a source")
            .takes::<CameraDraft>()
            .gives::<SourceDoc>(201)
            .refuses(ASKED)
            .refuses(&[Code::Conflict, Code::RequestInvalid, Code::SpecInvalid])
            .with(cameras::add),
        route(
            Method::GET,
            "/channels/{ch}/sources/{id}/snapshot",
            "getSnapshot",
            TAG,
            "A picture that the camera itself takes now",
        )
        .gives_other(200, Gives::File(&["image/jpeg"]))
        .refuses(ASKED)
        .answered(cameras::snapshot),
        route(
            Method::GET,
            "/channels/{ch}/sources/{id}/presets",
            "listPresets",
            TAG,
            "The presets of the camera's head",
        )
        .lists::<PresetDoc>()
        .refuses(ASKED)
        .refuses(&[Code::Conflict, Code::MoveFailed])
        .by(cameras::presets),
        route(Method::POST, "/channels/{ch}/sources/{id}/move", "moveCamera", TAG, "Move the camera's head by hand")
            .takes::<MoveDraft>()
            .status(204)
            .refuses(ASKED)
            .refuses(&[Code::CameraOnAir, Code::Conflict, Code::PresetMissing, Code::MoveFailed])
            .with(cameras::begin),
    ]
}

fn destination_routes() -> [Route; 8] {
    const TAG: &str = "destinations";
    const ALL: &str = "/channels/{ch}/destinations";
    const ONE: &str = "/channels/{ch}/destinations/{id}";
    [
        route(Method::GET, "/platforms", "listPlatforms", TAG, "Platforms with their addresses and limits")
            .lists::<PlatformDoc>()
            .by(destinations::platforms),
        route(Method::GET, ALL, "listDestinations", TAG, "The channel's destinations")
            .lists::<DestinationDoc>()
            .by(destinations::list),
        route(Method::POST, ALL, "createDestination", TAG, "Add a destination")
            .takes::<DestinationDraft>()
            .gives::<DestinationDoc>(201)
            .refuses(&[Code::Conflict, Code::SpecInvalid, Code::PlatformStricter])
            .with(destinations::create),
        route(Method::GET, ONE, "getDestination", TAG, "One destination")
            .gives::<DestinationDoc>(200)
            .by(destinations::show),
        route(Method::PUT, ONE, "changeDestination", TAG, "Change a destination")
            .takes::<DestinationDraft>()
            .gives::<DestinationDoc>(200)
            .refuses(&[Code::SpecInvalid, Code::PlatformStricter])
            .with(destinations::change),
        route(Method::DELETE, ONE, "deleteDestination", TAG, "Delete a destination")
            .status(204)
            .by(destinations::delete),
        route(
            Method::POST,
            "/channels/{ch}/destinations/{id}/start",
            "startDestination",
            TAG,
            "Let it take part in the broadcast",
        )
        .gives::<DestinationDoc>(200)
        .refuses(&[Code::PlatformStricter])
        .by(destinations::start),
        route(
            Method::POST,
            "/channels/{ch}/destinations/{id}/stop",
            "stopDestination",
            TAG,
            "Stop it, and nothing else",
        )
        .gives::<DestinationDoc>(200)
        .by(destinations::stop),
    ]
}

fn timeline_routes() -> [Route; 6] {
    const TAG: &str = "timelines";
    const ALL: &str = "/channels/{ch}/timelines";
    const ONE: &str = "/channels/{ch}/timelines/{id}";
    [
        route(Method::GET, ALL, "listTimelines", TAG, "The channel's timelines")
            .lists::<TimelineDoc>()
            .by(timelines::list),
        route(Method::POST, ALL, "createTimeline", TAG, "Store a timeline; a wrong one is refused whole")
            .takes::<TimelineBody>()
            .gives::<TimelineDoc>(201)
            .refuses(&[Code::Conflict, Code::TimelineInvalid])
            .with(timelines::create),
        route(Method::GET, ONE, "getTimeline", TAG, "One timeline").gives::<TimelineDoc>(200).by(timelines::show),
        route(Method::PUT, ONE, "changeTimeline", TAG, "Change a timeline; a wrong one is refused whole")
            .takes::<TimelineBody>()
            .gives::<TimelineDoc>(200)
            .refuses(&[Code::TimelineInvalid])
            .with(timelines::change),
        route(Method::DELETE, ONE, "deleteTimeline", TAG, "Delete a timeline that is not loaded")
            .status(204)
            .refuses(&[Code::InUse])
            .by(timelines::delete),
        route(
            Method::POST,
            "/channels/{ch}/timelines/{id}/load",
            "loadTimeline",
            TAG,
            "Make it the channel's timeline",
        )
        .gives::<TimelineDoc>(200)
        .refuses(&[Code::TimelineInvalid])
        .by(timelines::load),
    ]
}

fn asset_routes() -> [Route; 4] {
    const TAG: &str = "assets";
    [
        route(Method::GET, "/assets", "listAssets", TAG, "Uploaded files").lists::<AssetDoc>().by(assets::list),
        route(Method::POST, "/assets", "uploadAsset", TAG, "Upload a PNG, JPEG, MP4 or MOV; its content tells which")
            .query(UPLOAD_QUERY)
            .takes_file(assets::UPLOAD_BYTES_MAX)
            .gives::<AssetDoc>(201)
            .refuses(&[Code::RequestInvalid, Code::MediaUnreadable])
            .by(assets::upload),
        route(Method::GET, "/assets/{id}", "getAsset", TAG, "The file itself")
            .gives_other(200, Gives::File(assets::TYPES))
            .refuses(&[Code::MediaMissing])
            .answered(assets::download),
        route(Method::DELETE, "/assets/{id}", "deleteAsset", TAG, "Delete a file that is used nowhere")
            .status(204)
            .refuses(&[Code::InUse])
            .by(assets::delete),
    ]
}

fn broadcast_routes() -> [Route; 5] {
    const TAG: &str = "broadcast";
    [
        route(Method::POST, "/channels/{ch}/go-live", "goLive", TAG, "GO LIVE; while live, the same broadcast")
            .may_take::<GoLive>()
            .gives::<LiveStarted>(202)
            .refuses(&[Code::SpecInvalid])
            .with(broadcast::go_live),
        route(Method::POST, "/channels/{ch}/end", "endLive", TAG, "End the broadcast").status(204).by(broadcast::end),
        route(
            Method::GET,
            "/channels/{ch}/executions",
            "listExecutions",
            TAG,
            "Broadcasts, newest first, page by page",
        )
        .query(PAGE_QUERY)
        .lists::<ExecutionDoc>()
        .refuses(&[Code::RequestInvalid])
        .by(broadcast::executions),
        route(
            Method::GET,
            "/channels/{ch}/previews",
            "previews",
            TAG,
            "WebSocket of small pictures: the program at least 5 a second, sources about 2",
        )
        .gives_other(101, Gives::Socket)
        .refuses(&[Code::RequestInvalid, Code::TooMany])
        .answered(live::previews),
        route(
            Method::GET,
            "/channels/{ch}/previews/{name}",
            "preview",
            TAG,
            "The newest small picture: `program.jpg`, or a source's id with `.jpg`",
        )
        .gives_other(200, Gives::File(&["image/jpeg"]))
        .answered(live::preview),
    ]
}

/// What a person puts on air, holds, clears and gives back.
fn hand_routes() -> [Route; 8] {
    const TAG: &str = "broadcast";
    [
        route(Method::POST, "/channels/{ch}/take", "take", TAG, "Put a source on air until the next cue")
            .takes::<SourceChoice>()
            .status(204)
            .refuses(&[Code::SpecInvalid])
            .with(broadcast::take),
        route(Method::POST, "/channels/{ch}/pin", "pin", TAG, "Hold a source, or what is on air, until it is released")
            .may_take::<PinChoice>()
            .status(204)
            .refuses(&[Code::Conflict, Code::SpecInvalid])
            .with(broadcast::pin),
        route(Method::POST, "/channels/{ch}/slate", "slate", TAG, "The emergency slate: at once, until it is released")
            .status(204)
            .by(broadcast::slate),
        route(Method::POST, "/channels/{ch}/release", "release", TAG, "Give the program back to automation")
            .status(204)
            .by(broadcast::release),
        route(
            Method::POST,
            "/channels/{ch}/clear-overlays",
            "clearOverlays",
            TAG,
            "Let nothing lie over the picture until it is brought back",
        )
        .status(204)
        .by(broadcast::clear_overlays),
        route(Method::POST, "/channels/{ch}/restore-overlays", "restoreOverlays", TAG, "Bring the overlays back")
            .status(204)
            .by(broadcast::restore_overlays),
        route(Method::POST, "/channels/{ch}/pause", "pause", TAG, "Let the timeline stand still")
            .status(204)
            .refuses(&[Code::Conflict])
            .by(broadcast::pause),
        route(Method::POST, "/channels/{ch}/resume", "resume", TAG, "Let the timeline go on")
            .status(204)
            .refuses(&[Code::Conflict])
            .by(broadcast::resume),
    ]
}
