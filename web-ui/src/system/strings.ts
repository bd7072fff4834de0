// Every text of the card about the box's system, which is loaded when it is opened.

const en = {
  title: "Software of this box",
  version: (v: string) => `Bandstand ${v}`,
  foreign: "This Bandstand runs on a machine of your own. Update and restart it there.",
  choose: "Install an update from a file …",
  chooseHint: "A file that ends in .raucb. The box checks whom it comes from before it uses a byte of it.",
  address: "Or from an address",
  addressHint: "It is fetched while it is installed.",
  fetch: "Fetch and install",
  sending: (percent: number) => `Sending the file: ${percent} %`,
  installing: (percent: number) => `Installing: ${percent} %. The box can be used meanwhile.`,
  receiving: "The box receives a file.",
  ready: (v: string) => `Version ${v} is installed. The next restart tries it.`,
  restartToTry: "Restart now",
  trial: (v: string) => `Version ${v} runs for the first time. It stays when everything was well for some minutes; else the version before comes back by itself.`,
  done: (v: string) => `Version ${v} was the last update, and stays.`,
  wentBack: (v: string) => `Version ${v} did not run well, or the power was lost before it was kept. The box runs the version before.`,
  failed: "The update was not installed. The box runs on as before.",
  onAir: "Not while you are live.",
  storage: (free: string, whole: string) => `Storage: ${free} of ${whole} free`,
  written: (bytes: string) => `${bytes} written in its life`,
  worn: (n: number) => (n === 1 ? "The storage had an error. Put in a new card soon." : `The storage had ${n} errors. Put in a new card soon.`),
  restart: "Restart the box",
  restartTitle: "Restart the box?",
  restartBody: "The page is away for a minute or two.",
  restartYes: "Restart",
  no: "No",
  restarting: "The box restarts. This page comes back by itself.",
  reset: "Back to how it was delivered …",
  resetLead: "Everything on the box is deleted: channels, cameras, destinations with their keys, uploaded files, recordings, accounts, Wi-Fi. The box then starts like a new one.",
  resetName: (venue: string) => `Enter “${venue}” to confirm`,
  resetYes: "Delete everything",
  cancel: "Cancel",
  panel: "Button and lamp",
  panelLead: "A button on the box that goes live and, held for three seconds, ends. A lamp that shines while you are live and blinks when something is wrong.",
  button: "Button",
  buttonHint: "Between this line and ground.",
  lamp: "Lamp",
  lampHint: "On this line, by a transistor or a relay module.",
  line: (name: string) => (PINS[name] === undefined ? name : `${name} (pin ${PINS[name]})`),
  nothing: "None",
  lampLow: "The lamp shines when the line is low (most relay modules)",
  channel: "Channel",
  save: "Save",
  saved: "Saved.",
};

/** Pins of a Raspberry Pi's header by the names of their lines. */
const PINS: Record<string, number> = {
  GPIO2: 3, GPIO3: 5, GPIO4: 7, GPIO14: 8, GPIO15: 10, GPIO17: 11, GPIO18: 12, GPIO27: 13, GPIO22: 15, GPIO23: 16, GPIO24: 18,
  GPIO10: 19, GPIO9: 21, GPIO25: 22, GPIO11: 23, GPIO8: 24, GPIO7: 26, GPIO5: 29, GPIO6: 31, GPIO12: 32,
  GPIO13: 33, GPIO19: 35, GPIO16: 36, GPIO26: 37, GPIO20: 38, GPIO21: 40,
};

export type SystemCatalogue = typeof en;

export const t: SystemCatalogue = en;
