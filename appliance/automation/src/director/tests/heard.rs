//! One source's sound for every live picture.

use super::*;
use crate::fault::Code;

fn studio() -> Studio {
    Studio::new().with(|spec| {
        spec["failover"] = json!({"primary": "cam1", "stable_ms": 1000});
        spec["sound"] = json!({"source": "cam2", "delay_ms": 80});
    })
}

impl Studio {
    fn heard(&self) -> Option<&str> {
        self.last.as_ref().unwrap().sound.as_ref().map(SourceId::as_str)
    }

    fn sounds(&mut self, source: &str) {
        let at = Running(at(self.tick as i64));
        self.director.look(&id(source), at, None, Some(false));
    }
}

#[test]
fn the_chosen_sound_is_heard_while_its_source_is_there_and_returns_after_its_stable_time() {
    let mut studio = studio();
    studio.run_to(20);
    assert_eq!((studio.heard(), studio.faults()), (None, vec![]), "not yet known to have sound, nor to have none");
    studio.sounds("cam2");
    studio.run_to(60);
    assert_eq!((studio.heard(), studio.air()), (Some("cam2"), "cam1 Primary".into()));
    assert_eq!(studio.on_air().sound, Some(id("cam2")));
    studio.stop("cam2");
    studio.run_to(69);
    assert_eq!(studio.heard(), None);
    assert_eq!(studio.faults(), [(Code::SoundFallback, "CAM2 offline – the sound of the picture is heard".into())]);
    studio.begin("cam2");
    studio.run_to(79);
    studio.sounds("cam2");
    studio.run_to(99);
    assert_eq!((studio.heard(), studio.faults()), (None, vec![]), "on its way back");
    studio.run_to(100);
    assert_eq!(studio.heard(), Some("cam2"));
    studio.stop("cam1");
    studio.run_to(200);
    assert_eq!((studio.heard(), studio.air()), (Some("cam2"), "- Slate".into()), "the slate keeps the sound");
}

#[test]
fn a_source_without_sound_is_told_and_the_slate_by_hand_is_silent() {
    let mut studio = studio();
    studio.run_to(60);
    let text = "CAM2 sends no sound – the sound of the picture is heard";
    assert_eq!(studio.faults(), [(Code::SoundFallback, text.into())]);
    studio.sounds("cam2");
    studio.run_to(70);
    assert_eq!((studio.heard(), studio.faults()), (Some("cam2"), vec![]));
    studio.change(|spec| spec["manual"] = json!({"source": null, "hold": "pin", "at": at(71)}));
    studio.run_to(80);
    assert_eq!(studio.heard(), None);
    studio.change(|spec| spec["manual"] = Value::Null);
    studio.run_to(90);
    assert_eq!(studio.heard(), Some("cam2"));
    studio.change(|spec| spec["sound"] = Value::Null);
    studio.run_to(100);
    assert_eq!((studio.heard(), studio.faults()), (None, vec![]));
}
