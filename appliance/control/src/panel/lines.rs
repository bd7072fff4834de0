//! Lines of the board's header, by the kernel's GPIO character device. Chips change their numbers between boards and kernels, and
//! lines have other names or none on each: the header's chip is found by its label, and GPIO17 is its line 17.

use crate::doc::PanelDoc;
use automation::panel::{HEADER_LINES, header_line};
use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Bias, Value};
use gpiocdev::{Error, Request};

/// Labels of the chips that boards have their header at: Pi 5, Pi 4, and the ones before (drivers/pinctrl of the kernel).
const HEADERS: [&str; 3] = ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835"];
/// Who holds the lines, as the kernel shows it.
const CONSUMER: &str = "bandstand";

/// The lines of a panel, held by us.
pub(super) struct Lines {
    button: Option<Request>,
    lamp: Option<Request>,
}

impl Lines {
    /// Takes the lines. A sentence for the operator where that cannot be.
    pub(super) fn open(panel: &PanelDoc) -> Result<Lines, String> {
        let header = header().ok_or("This board has no header that is known.")?;
        let button = panel.button.as_deref().map(|name| {
            take(&header, name, |request| {
                // What a button does not connect is pulled to the other side.
                if panel.button_high {
                    request.as_input().with_bias(Bias::PullDown);
                } else {
                    request.as_input().as_active_low().with_bias(Bias::PullUp);
                }
            })
        });
        let lamp = panel.lamp.as_deref().map(|name| {
            take(&header, name, |request| {
                if panel.lamp_low {
                    request.as_active_low();
                }
                request.as_output(Value::Inactive);
            })
        });
        Ok(Lines { button: button.transpose()?, lamp: lamp.transpose()? })
    }

    /// Whether the button is down.
    pub(super) fn pressed(&self) -> Result<bool, Error> {
        self.button.as_ref().map_or(Ok(false), |button| Ok(button.lone_value()? == Value::Active))
    }

    /// Switches the lamp.
    pub(super) fn light(&self, lit: bool) -> Result<(), Error> {
        let value = if lit { Value::Active } else { Value::Inactive };
        self.lamp.as_ref().map_or(Ok(()), |lamp| lamp.set_lone_value(value).map(|_| ()))
    }
}

/// The chip of the board's header; none where there is none, or we may not look.
fn header() -> Option<Chip> {
    let open = chips().ok()?.into_iter().filter_map(|path| Chip::from_path(path).ok());
    let mut headers = open.filter(|chip| chip.info().is_ok_and(|about| HEADERS.contains(&about.label.as_str())));
    headers.next()
}

fn take(header: &Chip, name: &str, configure: impl FnOnce(&mut gpiocdev::request::Builder)) -> Result<Request, String> {
    let offset = header_line(name).ok_or_else(|| format!("The header has no line \"{name}\"."))?;
    let about = header.line_info(offset).map_err(|error| format!("The line \"{name}\" does not answer: {error}."))?;
    if about.used {
        return Err(format!("The line \"{name}\" is used by \"{}\".", about.consumer));
    }
    let mut request = Request::builder();
    request.with_consumer(CONSUMER).on_chip(header.path()).with_line(offset);
    configure(&mut request);
    request.request().map_err(|error| format!("The line \"{name}\" cannot be used: {error}."))
}

/// Names of the lines that the board's header has.
pub(super) fn names() -> Vec<String> {
    let lines = header().and_then(|header| header.info().ok()).map_or(0, |about| about.num_lines);
    HEADER_LINES.filter(|line| *line < lines).map(|line| format!("GPIO{line}")).collect()
}
