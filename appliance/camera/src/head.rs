//! The head of a camera: what moves it, whichever protocol it speaks.

use crate::onvif::PtzHead;
use crate::visca::Visca;
use crate::{CameraError, Credentials};
use automation::spec::{Ptz, PtzControl};

/// A movement.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// Moves on until it is stopped. From −1 to 1: right, up and nearer are above 0.
    Along {
        /// Right.
        pan: f32,
        /// Up.
        tilt: f32,
        /// Nearer.
        zoom: f32,
        /// After so many milliseconds the camera shall stop by itself, where it can: should our stop be lost.
        at_most_ms: u32,
    },
    /// Moves a bit, and stops. The same directions; 1 is the largest step.
    Step {
        /// Right.
        pan: f32,
        /// Up.
        tilt: f32,
        /// Nearer.
        zoom: f32,
    },
    /// Stops.
    Stop,
    /// Goes to a preset.
    Preset(String),
}

/// A preset of a camera.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// By which the camera knows it.
    pub token: String,
    /// Its name.
    pub name: String,
}

/// The head of one camera. One owner moves it; each call waits for the camera, for a bounded time.
#[derive(Debug)]
pub enum Head {
    /// By the PTZ service of ONVIF.
    Onvif(Box<PtzHead>),
    /// By Visca over IP.
    Visca(Visca),
}

impl Head {
    /// The head that a source's spec names. Nothing is sent yet.
    pub fn new(ptz: &Ptz, credentials: &Credentials) -> Result<Head, CameraError> {
        Ok(match &ptz.control {
            PtzControl::Onvif { device, service, profile } => {
                Head::Onvif(Box::new(PtzHead::new(device, service, profile, credentials)?))
            }
            PtzControl::Visca { address, transport } => Head::Visca(Visca::new(address, *transport)),
        })
    }

    /// The presets that the camera knows.
    pub fn presets(&mut self) -> Result<Vec<Preset>, CameraError> {
        match self {
            Head::Onvif(head) => head.presets(),
            Head::Visca(_) => Ok(Visca::presets()),
        }
    }

    /// Begins a movement. The camera has taken it when this returns; where it still moves then, [`Head::arrived`] tells.
    pub fn begin(&mut self, movement: &Move) -> Result<(), CameraError> {
        match self {
            Head::Onvif(head) => head.begin(movement),
            Head::Visca(head) => head.begin(movement),
        }
    }

    /// Whether the camera stands still again after a movement that it took. Waits at most about a second for it. A
    /// camera that cannot say counts as arrived.
    pub fn arrived(&mut self) -> Result<bool, CameraError> {
        match self {
            Head::Onvif(head) => head.arrived(),
            Head::Visca(head) => head.arrived(),
        }
    }
}
