//! The list of uploaded files. Receiving and examining them is `assets`' work.

use super::{Commands, in_use, name, room, unique};
use crate::doc::AssetDoc;
use crate::refusal::Refusal;
use crate::store::assets::{ASSETS_MAX, StoredAsset};
use crate::store::{assets, channels, sources, timelines, wanted};
use automation::fault::Code;
use automation::id::AssetId;

impl Commands {
    /// A name for a file, and an id that is free.
    pub fn new_asset(&self, text: &str) -> Result<(AssetId, String), Refusal> {
        Ok((unique()?, name(text, Code::RequestInvalid)?))
    }

    /// Puts a file on the list, which lies in the folder already.
    pub async fn add_asset(&self, asset: StoredAsset) -> Result<AssetDoc, Refusal> {
        let at_ms = self.now().wall_ms;
        self.store
            .change(move |tx, _| {
                room(assets::all(tx)?.len(), ASSETS_MAX, "files")?;
                assets::insert(tx, &asset, at_ms)?;
                Ok(asset.doc)
            })
            .await
    }

    /// Takes a file that is used nowhere off the list, and answers it, so that it can be removed from the folder.
    pub async fn delete_asset(&self, id: AssetId) -> Result<StoredAsset, Refusal> {
        self.store
            .change(move |tx, context| {
                let asset = assets::get(tx, &id)?;
                let mut places = Vec::new();
                for channel in channels::all(tx)? {
                    if channel.slate_picture.as_ref() == Some(&id) {
                        places.push(format!("slate of \"{}\"", channel.name));
                    }
                    for stored in sources::of(tx, context, &channel.id)? {
                        if wanted::assets_of(std::slice::from_ref(&stored.source), None).contains(&id) {
                            places.push(format!("source \"{}\" of \"{}\"", stored.source.name, channel.name));
                        }
                    }
                    for stored in timelines::of(tx, &channel.id)? {
                        if wanted::assets_of(&[], Some(&stored.timeline)).contains(&id) {
                            let timeline = &stored.timeline.draft().name;
                            places.push(format!("timeline \"{timeline}\" of \"{}\"", channel.name));
                        }
                    }
                }
                if !places.is_empty() {
                    return Err(in_use(&format!("\"{}\"", asset.doc.name), places));
                }
                assets::delete(tx, &id)?;
                Ok(asset)
            })
            .await
    }
}
