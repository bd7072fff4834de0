//! The button and the lamp on the box: the edge of [`automation::panel`]. What they do goes through the commands, as all else.

mod lines;

use crate::clock::Clock;
use crate::commands::Commands;
use crate::doc::{Board, ChannelBoard, PanelDoc, WorkerState};
use crate::store::Wanted;
use crate::system::System;
use automation::fault::Code;
use automation::panel::{Order, Panel, Phase};
use lines::Lines;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often the button is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How long lines that cannot be had are left alone.
const RETRY: Duration = Duration::from_secs(5);
/// How long a button's line is given to rise once it has its pull-up: against a long cable, and a capacitor that keeps it from bouncing.
const RISES_WITHIN: Duration = Duration::from_millis(200);
/// Who has begun a broadcast, in its record.
const BY: &str = "The button";

/// What it works with.
pub struct Tools {
    /// Does what is ordered.
    pub commands: Commands,
    /// What is wanted: the panel is a part of it.
    pub wanted: watch::Receiver<Arc<Wanted>>,
    /// What is.
    pub board: watch::Receiver<Arc<Board>>,
    /// The time.
    pub clock: Clock,
    /// Takes the box back to how it was delivered.
    pub system: Arc<System>,
    /// Why it does not work.
    pub fault: watch::Sender<Option<String>>,
}

/// Names of the lines that this board offers.
pub fn lines() -> Vec<String> {
    lines::names()
}

impl Tools {
    /// Runs for ever.
    pub async fn run(mut self) {
        let begun = self.clock.running();
        // The first panel alone has seen what the button was when the program began.
        let mut first = true;
        loop {
            let wish = self.wanted.borrow_and_update().panel.clone();
            let Some(wish) = wish else {
                self.fault.send_replace(None);
                if self.wanted.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let text = match Lines::open(&wish) {
                _ if !self.has(&wish) => {
                    "The channel of the button and the lamp is gone: choose another one.".to_owned()
                }
                Ok(lines) => {
                    self.fault.send_replace(None);
                    let panel = match std::mem::take(&mut first) {
                        true => Panel::begun(self.clock.running().ms_since(begun)),
                        false => Panel::default(),
                    };
                    match self.serve(&wish, &lines, panel).await {
                        Ok(()) => continue,
                        Err(error) => format!("The button or the lamp does not answer: {error}."),
                    }
                }
                Err(text) => text,
            };
            if self.fault.send_replace(Some(text.clone())).as_ref() != Some(&text) {
                tracing::warn!(text, "the panel does not work");
            }
            tokio::select! {
                changed = self.wanted.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(RETRY) => {}
            }
        }
    }

    /// Whether the panel's channel is there.
    fn has(&self, wish: &PanelDoc) -> bool {
        self.wanted.borrow().channels.iter().any(|channel| channel.doc.id == wish.channel)
    }

    /// Until another panel is wished, or its channel goes.
    async fn serve(&self, wish: &PanelDoc, lines: &Lines, mut panel: Panel) -> Result<(), gpiocdev::Error> {
        let mut shown = None;
        // A button that is up would else be seen down at the first look, and be doubted.
        tokio::time::sleep(RISES_WITHIN).await;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while self.wanted.borrow().panel.as_ref() == Some(wish) && self.has(wish) {
            looks.tick().await;
            let ((phase, trouble), sends) = {
                let board = self.board.borrow();
                let here = seen(board.channels.iter().find(|channel| channel.id == wish.channel));
                (here, board.channels.iter().filter_map(|one| one.status.as_ref()).any(|status| status.live.is_some()))
            };
            let on_air = sends || self.wanted.borrow().on_air().is_some();
            let now = self.clock.running();
            if let Some(order) = panel.look(now, lines.pressed()?, phase, on_air) {
                let channel = wish.channel.clone();
                match order {
                    Order::Reset => tracing::warn!(by = BY, "the box is taken back to how it was delivered"),
                    _ => tracing::info!(?order, %channel, "the button was pressed"),
                }
                let done = match order {
                    Order::GoLive => self.commands.go_live(channel, 0, BY.to_owned()).await.map(|_| ()),
                    Order::End => self.commands.end(channel).await,
                    Order::Reset => self.system.reset().await,
                };
                if let Err(refusal) = done {
                    tracing::warn!(%refusal, "what the button ordered was refused");
                }
            }
            let lit = panel.lit(now, phase, trouble);
            if shown != Some(lit) {
                lines.light(lit)?;
                shown = Some(lit);
            }
        }
        lines.light(false)
    }
}

/// What the channel does, and whether something is wrong with it.
fn seen(channel: Option<&ChannelBoard>) -> (Phase, bool) {
    let Some(channel) = channel else { return (Phase::Off, false) };
    let status = channel.status.as_ref();
    let phase = match (&channel.wanted.live, status.and_then(|status| status.live.as_ref())) {
        (None, _) => Phase::Off,
        (Some(_), Some(live)) if live.countdown_ms > 0 => Phase::Countdown,
        (Some(_), _) => Phase::Live,
    };
    // What the audience is shown instead of the plan, and whom it does not reach; a camera that waits its turn is none of it.
    let shown = channel.faults.iter().any(|fault| fault.code.is_trouble() || fault.code == Code::FallbackOnAir);
    let sent = status.is_some_and(|status| status.destinations.iter().any(|one| one.fault.is_some()));
    (phase, channel.worker == WorkerState::Lost || shown || sent)
}
