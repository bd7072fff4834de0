//! The tables, as a list of steps that only ever grows.
//!
//! A version of Bandstand that is tried and found wanting has taken the tables forward, and the version before it does not know
//! these steps. So each step's way back is written into the database itself, and whoever finds newer tables than it knows takes
//! them back by that.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

/// Every step from an empty file to the newest tables, with its way back. A step that has been released never changes.
const STEPS: &[(&str, &str)] = &[
    (FIRST, FIRST_BACK),
    (SLATE_PICTURE, SLATE_PICTURE_BACK),
    (AS_RUN, AS_RUN_BACK),
    (OVERLAYS_CLEARED, OVERLAYS_CLEARED_BACK),
    (LASTING, LASTING_BACK),
    (SOUND, SOUND_BACK),
    (CAMERAS, CAMERAS_BACK),
    (DESTINATION_KINDS, DESTINATION_KINDS_BACK),
    (SOUND_ONLY, SOUND_ONLY_BACK),
    (PLAYLISTS, PLAYLISTS_BACK),
    (MEDIA, MEDIA_BACK),
];

/// The steps, for who takes them forward.
pub(super) fn migrations() -> Migrations<'static> {
    Migrations::new(STEPS.iter().map(|(forward, back)| M::up(forward).down(back)).collect())
}

/// Writes down the way back of every step that is known here, where it does not stand there yet: before any step is taken. What a
/// newer version left, and could not be taken back, stays as it is.
pub(super) fn leave_way_back(connection: &mut Connection) -> rusqlite::Result<()> {
    if newest(connection)? > STEPS.len() as i64 {
        return Ok(());
    }
    let steps = || (1_i64..).zip(STEPS.iter().map(|(_, back)| *back));
    if has_way_back(connection)? {
        let mut there =
            connection.prepare("SELECT version, statements FROM way_back WHERE version <= ?1 ORDER BY version")?;
        let left = there.query_map([STEPS.len() as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let left = left.collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
        if steps().map(|(version, back)| (version, back.to_owned())).eq(left) {
            return Ok(());
        }
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS way_back (version INTEGER PRIMARY KEY, statements TEXT NOT NULL) STRICT;",
    )?;
    for (version, back) in steps() {
        let write = "INSERT INTO way_back (version, statements) VALUES (?1, ?2) ON CONFLICT (version) DO UPDATE SET statements = ?2";
        transaction.execute(write, params![version, back])?;
    }
    transaction.commit()
}

/// Number of the last step that was taken.
fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn has_way_back(connection: &Connection) -> rusqlite::Result<bool> {
    let there = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'way_back'";
    connection.query_row(there, [], |row| Ok(row.get::<_, i64>(0)? > 0))
}

/// Takes tables that are newer than is known here back to what is known, by what the newer version left. Answers how many
/// steps that were; where one's way back is missing or fails, everything stays as it is.
///
/// Foreign keys are not in force within, so that a table may be made anew under those that name it: statements of a way back
/// delete children themselves, and what names nothing afterwards fails the whole.
pub(super) fn step_back(connection: &mut Connection) -> rusqlite::Result<usize> {
    let (known, newest) = (STEPS.len() as i64, newest(connection)?);
    if newest <= known || !has_way_back(connection)? {
        return Ok(0);
    }
    connection.pragma_update(None, "foreign_keys", false)?;
    let done = step_back_to(connection, known, newest);
    connection.pragma_update(None, "foreign_keys", true)?;
    done
}

fn step_back_to(connection: &mut Connection, known: i64, newest: i64) -> rusqlite::Result<usize> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for version in (known + 1..=newest).rev() {
        let back: Option<String> = transaction
            .query_row("SELECT statements FROM way_back WHERE version = ?1", [version], |row| row.get(0))
            .optional()?;
        // Who goes forward tells that the tables are too new.
        let Some(back) = back else { return Ok(0) };
        transaction.execute_batch(&back)?;
        transaction.execute("DELETE FROM way_back WHERE version = ?1", [version])?;
    }
    if transaction.prepare("PRAGMA foreign_key_check")?.exists([])? {
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY),
            Some("the way back leaves what names nothing".into()),
        ));
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.commit()?;
    Ok((newest - known) as usize)
}

/// Times are milliseconds: of the wall clock where the name ends in `_at_ms`. Documents of `automation` lie in JSON
/// columns, in the form in which they travel. Columns named `*_sealed` hold a nonce, ciphertext and tag; see `seal`.
const FIRST: &str = "
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE users (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(name) BETWEEN 1 AND 100),
    password_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    digest        BLOB PRIMARY KEY CHECK (length(digest) = 32),
    user_id       TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at_ms INTEGER NOT NULL,
    seen_at_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE assets (
    id             TEXT PRIMARY KEY,
    asset_type     TEXT NOT NULL CHECK (asset_type IN ('image', 'video')),
    filename       TEXT NOT NULL,
    file_path      TEXT NOT NULL UNIQUE,
    file_size      INTEGER NOT NULL,
    mime_type      TEXT NOT NULL,
    checksum       TEXT NOT NULL,
    uploaded_at_ms INTEGER NOT NULL,
    metadata       TEXT NOT NULL CHECK (json_valid(metadata))
) STRICT;

CREATE TABLE channels (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    generation     INTEGER NOT NULL,
    house          TEXT NOT NULL CHECK (json_valid(house)),
    failover       TEXT NOT NULL CHECK (json_valid(failover)),
    messages       TEXT NOT NULL CHECK (json_valid(messages)),
    manual         TEXT CHECK (json_valid(manual)),
    live           TEXT CHECK (json_valid(live)),
    created_at_ms  INTEGER NOT NULL,
    modified_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sources (
    channel_id    TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    id            TEXT NOT NULL,
    name          TEXT NOT NULL,
    params        TEXT NOT NULL CHECK (json_valid(params)),
    backup_id     TEXT,
    asset_id      TEXT REFERENCES assets (id),
    stream        TEXT UNIQUE,
    secret_sealed BLOB,
    PRIMARY KEY (channel_id, id)
) STRICT;

CREATE TABLE destinations (
    channel_id TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    url        TEXT NOT NULL,
    key_sealed BLOB,
    enabled    INTEGER NOT NULL,
    PRIMARY KEY (channel_id, id)
) STRICT;

-- Frame rate and size belong to the channel's house format (D-3), not to its timelines.
CREATE TABLE timelines (
    id             TEXT NOT NULL,
    channel_id     TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    name           TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    duration_ms    INTEGER NOT NULL,
    repeat         INTEGER NOT NULL,
    is_active      INTEGER NOT NULL DEFAULT 0,
    created_at_ms  INTEGER NOT NULL,
    modified_at_ms INTEGER NOT NULL,
    created_by     TEXT NOT NULL,
    PRIMARY KEY (channel_id, id)
) STRICT;
CREATE UNIQUE INDEX timelines_active ON timelines (channel_id) WHERE is_active = 1;

CREATE TABLE timeline_tracks (
    id          INTEGER PRIMARY KEY,
    channel_id  TEXT NOT NULL,
    timeline_id TEXT NOT NULL,
    track_order INTEGER NOT NULL,
    track_type  TEXT NOT NULL CHECK (track_type IN ('video', 'overlay')),
    track_name  TEXT NOT NULL,
    layer       INTEGER NOT NULL DEFAULT 1,
    is_enabled  INTEGER NOT NULL DEFAULT 1,
    UNIQUE (channel_id, timeline_id, track_order),
    FOREIGN KEY (channel_id, timeline_id) REFERENCES timelines (channel_id, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE timeline_cues (
    track_id               INTEGER NOT NULL REFERENCES timeline_tracks (id) ON DELETE CASCADE,
    cue_order              INTEGER NOT NULL,
    id                     TEXT NOT NULL,
    start_ms               INTEGER NOT NULL,
    duration_ms            INTEGER NOT NULL,
    action_type            TEXT NOT NULL,
    action_params          TEXT NOT NULL CHECK (json_valid(action_params)),
    transition_type        TEXT NOT NULL DEFAULT 'cut',
    transition_duration_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (track_id, cue_order)
) STRICT, WITHOUT ROWID;

CREATE TABLE timeline_executions (
    session         TEXT PRIMARY KEY,
    channel_id      TEXT NOT NULL REFERENCES channels (id) ON DELETE CASCADE,
    timeline_id     TEXT,
    timeline_name   TEXT,
    started_at_ms   INTEGER NOT NULL,
    completed_at_ms INTEGER,
    status          TEXT NOT NULL CHECK (status IN ('running', 'completed', 'stopped', 'error')),
    executed_by     TEXT NOT NULL,
    error_message   TEXT,
    metrics         TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(metrics))
) STRICT;
CREATE INDEX executions_of_channel ON timeline_executions (channel_id, started_at_ms);
";

const FIRST_BACK: &str = "
DROP TABLE timeline_executions;
DROP TABLE timeline_cues;
DROP TABLE timeline_tracks;
DROP TABLE timelines;
DROP TABLE destinations;
DROP TABLE sources;
DROP TABLE channels;
DROP TABLE assets;
DROP TABLE sessions;
DROP TABLE users;
DROP TABLE settings;
";

/// The picture of a channel's slate (CT-12).
const SLATE_PICTURE: &str = "ALTER TABLE channels ADD COLUMN slate_picture TEXT REFERENCES assets (id);";

const SLATE_PICTURE_BACK: &str = "ALTER TABLE channels DROP COLUMN slate_picture;";

/// Who made a timeline or a broadcast is kept by name, as it was then: a schedule or a button is no account, and an
/// account that goes must not take its deeds along.
const AS_RUN: &str = "
ALTER TABLE timelines ADD COLUMN description TEXT NOT NULL DEFAULT '';
-- The log of a broadcast while it runs; what lasts of it are its metrics.
ALTER TABLE timeline_executions ADD COLUMN as_run TEXT CHECK (json_valid(as_run));
";

const AS_RUN_BACK: &str = "
ALTER TABLE timeline_executions DROP COLUMN as_run;
ALTER TABLE timelines DROP COLUMN description;
";

/// Whether a person has cleared what lies over the picture (VS-86).
const OVERLAYS_CLEARED: &str = "ALTER TABLE channels ADD COLUMN overlays_cleared INTEGER NOT NULL DEFAULT 0;";

const OVERLAYS_CLEARED_BACK: &str = "ALTER TABLE channels DROP COLUMN overlays_cleared;";

/// What outlives a restart: the time of day at which a timeline begins every day (none where GO LIVE begins it), and
/// what the operator was told.
const LASTING: &str = "
ALTER TABLE timelines ADD COLUMN start_at_ms INTEGER;

CREATE TABLE alerts (
    id      INTEGER PRIMARY KEY,
    at_ms   INTEGER NOT NULL,
    code    TEXT NOT NULL,
    subject TEXT NOT NULL,
    text    TEXT NOT NULL,
    remedy  TEXT NOT NULL,
    over    INTEGER NOT NULL
) STRICT;
";

const LASTING_BACK: &str = "
DROP TABLE alerts;
ALTER TABLE timelines DROP COLUMN start_at_ms;
";

/// The source that is heard with every live picture.
const SOUND: &str = "ALTER TABLE channels ADD COLUMN sound TEXT CHECK (json_valid(sound));";

const SOUND_BACK: &str = "ALTER TABLE channels DROP COLUMN sound;";

/// Heads of cameras, and which camera a source is.
const CAMERAS: &str = "
ALTER TABLE sources ADD COLUMN ptz TEXT CHECK (json_valid(ptz));
ALTER TABLE sources ADD COLUMN camera TEXT CHECK (json_valid(camera));
";

const CAMERAS_BACK: &str = "
ALTER TABLE sources DROP COLUMN camera;
ALTER TABLE sources DROP COLUMN ptz;
";

/// Destinations of several kinds: what a kind needs lies in a document, as a source's does. On the way back only those
/// that were there before remain.
const DESTINATION_KINDS: &str = "
ALTER TABLE destinations ADD COLUMN params TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(params));
UPDATE destinations SET params = json_object('kind', 'rtmp', 'url', url);
ALTER TABLE destinations DROP COLUMN url;
ALTER TABLE destinations RENAME COLUMN key_sealed TO secret_sealed;
ALTER TABLE destinations ADD COLUMN renew_hours INTEGER;
";

const DESTINATION_KINDS_BACK: &str = "
ALTER TABLE destinations ADD COLUMN url TEXT NOT NULL DEFAULT '';
DELETE FROM destinations WHERE json_extract(params, '$.kind') <> 'rtmp';
UPDATE destinations SET url = json_extract(params, '$.url');
ALTER TABLE destinations DROP COLUMN params;
ALTER TABLE destinations RENAME COLUMN secret_sealed TO key_sealed;
ALTER TABLE destinations DROP COLUMN renew_hours;
";

/// Sources that are heard and never seen.
const SOUND_ONLY: &str = "ALTER TABLE sources ADD COLUMN sound_only INTEGER NOT NULL DEFAULT 0;";

/// On the way back a capture device, of which nobody knew before, becomes a slate of its name: what names it stays whole.
const SOUND_ONLY_BACK: &str = "
UPDATE channels SET sound = NULL WHERE EXISTS (
    SELECT 1 FROM sources WHERE channel_id = channels.id AND id = json_extract(channels.sound, '$.source')
    AND json_extract(params, '$.kind') = 'capture');
UPDATE sources SET params = json_object('kind', 'slate', 'title', name, 'text', '')
    WHERE json_extract(params, '$.kind') = 'capture';
ALTER TABLE sources DROP COLUMN sound_only;
";

/// The files of playlists beyond each one's first, which `asset_id` names: none of them can go.
const PLAYLISTS: &str = "
CREATE TABLE source_assets (
    channel_id TEXT NOT NULL,
    source_id  TEXT NOT NULL,
    asset_id   TEXT NOT NULL REFERENCES assets (id),
    PRIMARY KEY (channel_id, source_id, asset_id),
    FOREIGN KEY (channel_id, source_id) REFERENCES sources (channel_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
";

/// On the way back a playlist becomes its first file.
const PLAYLISTS_BACK: &str = "
DROP TABLE source_assets;
UPDATE sources SET params = json_remove(params, '$.then', '$.still_ms') WHERE json_extract(params, '$.kind') = 'media';
";

/// Destinations of files may be on a disk. An older version writes them to the card, in a folder whose name no other destination has,
/// or it would refuse both, and with no more than what is usual for a card.
const MEDIA: &str = "-- Nothing: what is not named is the card.";

const MEDIA_BACK: &str = "
UPDATE destinations SET params = json_set(params,
    '$.folder', 'disk-' || lower(hex(randomblob(8))),
    '$.keep_mb', min(ifnull(json_extract(params, '$.keep_mb'), 20000), 20000)
) WHERE json_extract(params, '$.medium') = 'disk';
UPDATE destinations SET params = json_remove(params, '$.medium') WHERE json_extract(params, '$.kind') = 'file';
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_goes_up_and_down() {
        migrations().validate().unwrap();
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrations().to_latest(&mut connection).unwrap();
        migrations().to_version(&mut connection, 0).unwrap();
        let left: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "a step down leaves something behind");
        migrations().to_latest(&mut connection).unwrap();
    }

    #[test]
    fn newer_tables_are_taken_back_by_what_the_newer_version_left() {
        let known = STEPS.len() as i64;
        let version = |connection: &Connection| -> i64 {
            connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
        };
        let mut connection = Connection::open_in_memory().unwrap();
        // It stands there before a step is taken.
        leave_way_back(&mut connection).unwrap();
        migrations().to_latest(&mut connection).unwrap();
        assert_eq!(step_back(&mut connection).unwrap(), 0, "nothing is newer");
        connection.execute("INSERT INTO settings VALUES ('venue', 'Hall')", []).unwrap();
        let two_steps = format!(
            "CREATE TABLE novel (a); CREATE TABLE more (b); ALTER TABLE settings RENAME COLUMN value TO text;
             PRAGMA user_version = {};",
            known + 2
        );
        connection.execute_batch(&two_steps).unwrap();
        assert_eq!(step_back(&mut connection).unwrap(), 0, "nobody knows the way");
        assert!(migrations().to_latest(&mut connection).is_err(), "and it is said");
        let leave = "INSERT INTO way_back VALUES (?1, ?2)";
        connection
            .execute(leave, params![known + 1, "ALTER TABLE settings RENAME COLUMN text TO value; DROP TABLE novel;"])
            .unwrap();
        connection.execute(leave, params![known + 2, "DROP TABLE absent;"]).unwrap();
        assert!(step_back(&mut connection).is_err());
        assert_eq!(version(&connection), known + 2, "one that fails changes nothing");
        connection
            .execute("UPDATE way_back SET statements = 'DROP TABLE more;' WHERE version = ?1", [known + 2])
            .unwrap();
        assert_eq!(step_back(&mut connection).unwrap(), 2);
        assert_eq!(version(&connection), known);
        migrations().to_latest(&mut connection).unwrap();
        let venue: String = connection.query_row("SELECT value FROM settings", [], |row| row.get(0)).unwrap();
        assert_eq!(venue, "Hall");
        let steps: i64 = connection.query_row("SELECT count(*) FROM way_back", [], |row| row.get(0)).unwrap();
        assert_eq!(steps, known);
    }

    #[test]
    fn a_way_back_may_make_a_table_anew_and_leaves_nothing_that_names_nothing() {
        let known = STEPS.len() as i64;
        let newer = |back: &str| {
            let mut connection = Connection::open_in_memory().unwrap();
            connection.pragma_update(None, "foreign_keys", true).unwrap();
            leave_way_back(&mut connection).unwrap();
            migrations().to_latest(&mut connection).unwrap();
            connection
                .execute_batch(
                    "CREATE TABLE parent (id INTEGER PRIMARY KEY, more TEXT);
                     CREATE TABLE child (parent INTEGER REFERENCES parent (id) ON DELETE CASCADE);
                     INSERT INTO parent VALUES (1, ''); INSERT INTO child VALUES (1);",
                )
                .unwrap();
            connection.pragma_update(None, "user_version", known + 1).unwrap();
            connection.execute("INSERT INTO way_back VALUES (?1, ?2)", params![known + 1, back]).unwrap();
            connection
        };
        let children = |connection: &Connection| -> i64 {
            connection.query_row("SELECT count(*) FROM child", [], |row| row.get(0)).unwrap()
        };
        let anew = "CREATE TABLE parent_old (id INTEGER PRIMARY KEY); INSERT INTO parent_old SELECT id FROM parent;
                    DROP TABLE parent; ALTER TABLE parent_old RENAME TO parent;";
        let mut connection = newer(anew);
        assert_eq!(step_back(&mut connection).unwrap(), 1);
        assert_eq!(children(&connection), 1, "its children went with it");
        connection.execute("DELETE FROM parent", []).unwrap();
        assert_eq!(children(&connection), 0, "keys are in force again");
        let mut connection = newer("DELETE FROM parent;");
        assert!(step_back(&mut connection).is_err());
        assert_eq!(newest(&connection).unwrap(), known + 1, "it stays as it was");
    }

    #[test]
    fn a_file_of_before_is_a_list_of_one_and_a_list_becomes_its_first_file() {
        let kind = |connection: &rusqlite::Connection| -> (String, automation::spec::SourceKind) {
            let params: String = connection.query_row("SELECT params FROM sources", [], |row| row.get(0)).unwrap();
            let kind = serde_json::from_str(&params).unwrap();
            (params, kind)
        };
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        migrations().to_version(&mut connection, 9).unwrap();
        connection
            .execute_batch(
                "INSERT INTO channels (id, name, generation, house, failover, messages, created_at_ms, modified_at_ms)
                 VALUES ('main', 'Main', 1, '{}', '{}', '{}', 0, 0);
                 INSERT INTO assets (id, asset_type, filename, file_path, file_size, mime_type, checksum,
                    uploaded_at_ms, metadata)
                 VALUES ('a', 'video', 'a', 'a.mp4', 1, '', '', 0, '{}'), ('b', 'video', 'b', 'b.mp4', 1, '', '', 0, '{}');
                 INSERT INTO sources (channel_id, id, name, params, asset_id)
                 VALUES ('main', 'film', 'Film', '{\"kind\":\"media\",\"asset\":\"a\"}', 'a');",
            )
            .unwrap();
        migrations().to_version(&mut connection, 10).unwrap();
        let (before, one) = kind(&connection);
        assert_eq!(one.assets().map(automation::id::AssetId::as_str).collect::<Vec<_>>(), ["a"]);
        connection
            .execute_batch(
                "UPDATE sources SET params = json_set(params, '$.then', json('[\"b\"]'), '$.still_ms', 5000);
                 INSERT INTO source_assets VALUES ('main', 'film', 'b');",
            )
            .unwrap();
        assert_eq!(kind(&connection).1.assets().count(), 2);
        assert!(connection.execute("DELETE FROM assets WHERE id = 'b'", []).is_err(), "it is held");
        migrations().to_version(&mut connection, 9).unwrap();
        assert_eq!(kind(&connection).0, before);
        migrations().to_version(&mut connection, 10).unwrap();
        connection.execute("DELETE FROM sources", []).unwrap();
        assert_eq!(connection.execute("DELETE FROM assets", []).unwrap(), 2, "nothing holds them any more");
    }

    #[test]
    fn a_destination_on_a_disk_is_one_on_the_card_for_an_older_version() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrations().to_version(&mut connection, 11).unwrap();
        let file = |id: &str, more: &str| {
            let params = format!("{{\"kind\":\"file\",{more}\"folder\":\"evenings\",\"container\":\"ts\"}}");
            format!(
                "INSERT INTO destinations (channel_id, id, name, params, enabled) VALUES ('main', '{id}', 'x', '{params}', 1);"
            )
        };
        let channel =
            "INSERT INTO channels (id, name, generation, house, failover, messages, created_at_ms, modified_at_ms)
             VALUES ('main', 'Main', 1, '{}', '{}', '{}', 0, 0);";
        let all = [channel, &file("a", ""), &file("b", "\"medium\":\"disk\",\"keep_mb\":4000000,")].concat();
        connection.execute_batch(&all).unwrap();
        migrations().to_version(&mut connection, 10).unwrap();
        let mut rows = connection.prepare("SELECT params FROM destinations ORDER BY id").unwrap();
        let left: Vec<String> = rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(left[0], r#"{"kind":"file","folder":"evenings","container":"ts"}"#);
        let moved: serde_json::Value = serde_json::from_str(&left[1]).unwrap();
        let folder = moved["folder"].as_str().unwrap();
        assert!(folder.starts_with("disk-") && folder.len() == 21, "{folder}: nobody else has it");
        assert_eq!((moved.get("medium"), &moved["keep_mb"]), (None, &serde_json::json!(20_000)));
    }

    #[test]
    fn a_destination_of_before_becomes_one_by_rtmp_and_back() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        migrations().to_version(&mut connection, 7).unwrap();
        connection
            .execute_batch(
                "INSERT INTO channels (id, name, generation, house, failover, messages, created_at_ms, modified_at_ms)
                 VALUES ('main', 'Main', 1, '{}', '{}', '{}', 0, 0);
                 INSERT INTO destinations (channel_id, id, name, url, key_sealed, enabled)
                 VALUES ('main', 'yt', 'YouTube', 'rtmps://h/a?b=\"c', x'0102', 1);",
            )
            .unwrap();
        migrations().to_version(&mut connection, 8).unwrap();
        let (params, sealed): (String, Vec<u8>) = connection
            .query_row("SELECT params, secret_sealed FROM destinations", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let kind: automation::spec::DestinationKind = serde_json::from_str(&params).unwrap();
        let automation::spec::DestinationKind::Rtmp { url, .. } = kind else { panic!("{params}") };
        assert_eq!((url.as_str(), sealed), ("rtmps://h/a?b=\"c", vec![1, 2]));
        migrations().to_version(&mut connection, 7).unwrap();
        let url: String = connection.query_row("SELECT url FROM destinations", [], |row| row.get(0)).unwrap();
        assert_eq!(url, "rtmps://h/a?b=\"c");
    }
}
