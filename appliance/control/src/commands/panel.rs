//! The button and the lamp on the box.

use super::Commands;
use crate::doc::PanelDoc;
use crate::refusal::Refusal;
use crate::store::{channels, settings};
use automation::fault::Code;
use automation::panel::header_line;
use automation::spec::Wrong;

impl Commands {
    /// Connects a button and a lamp, or none.
    pub async fn set_panel(&self, panel: Option<PanelDoc>) -> Result<(), Refusal> {
        let wrongs = panel.as_ref().map(wrongs).unwrap_or_default();
        if !wrongs.is_empty() {
            return Err(Refusal::wrongs(Code::RequestInvalid, wrongs));
        }
        self.store
            .change(move |tx, _| {
                if let Some(panel) = &panel {
                    let missing = || Refusal::wrong(Code::RequestInvalid, "channel", "there is no such channel");
                    channels::get(tx, &panel.channel).map_err(|_| missing())?;
                }
                settings::set_panel(tx, panel.as_ref())
            })
            .await
    }
}

fn wrongs(panel: &PanelDoc) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    for (place, line) in [("button", &panel.button), ("lamp", &panel.lamp)] {
        // Others belong to the board itself: the card's power, for one.
        if line.as_deref().is_some_and(|line| header_line(line).is_none()) {
            wrongs.push(Wrong::new(place, "must be a line of the header, GPIO2 to GPIO27"));
        }
    }
    if panel.button.is_none() && panel.lamp.is_none() {
        wrongs.push(Wrong::new("button", "a button, a lamp, or both must be named"));
    } else if panel.button == panel.lamp {
        wrongs.push(Wrong::new("lamp", "the button has this line"));
    }
    wrongs
}
