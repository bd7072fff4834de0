// Every text of the card about the box's network, which is loaded when it is opened.

import { spoken } from "../state/language.svelte";

export const en = {
  title: "Network",
  foreign: "This Bandstand runs on a machine of your own. Set up its network there.",
  kind: { cable: "Cable", wifi: "Wi-Fi", phone: "Phone by USB" },
  state: {
    unplugged: "not plugged in",
    idle: "not used",
    connecting: "is being connected",
    connected: "connected",
    access_point: "serves as the box's own Wi-Fi",
  },
  wifiOff: "switched off",
  wifiIdle: "in no network",
  inNetwork: (name: string) => `connected to “${name}”`,
  used: "In use",
  address: (list: string) => `Address ${list}`,
  none: "No cable, no Wi-Fi: nothing is connected.",
  apUp: (name: string) => `The box has no network, so it makes a Wi-Fi of its own, “${name}”. Choose your Wi-Fi below, or plug in a cable: then it goes away.`,
  apDown: (name: string, page: string) => `Without cable and Wi-Fi for some minutes the box makes a Wi-Fi of its own, “${name}”. Join it with a phone and open ${page}.`,
  apPassword: "The box's own Wi-Fi asks for the password of bandstand.toml.",
  apOpen: "Anybody may join the box's own Wi-Fi; this page asks who you are all the same.",
  joining: (name: string) => `The box joins “${name}”. This takes up to a minute and a half.`,
  joiningOwn: (name: string, own: string) => `“${own}” goes away now. Join “${name}” with this device, too, and open the page there. If “${own}” comes back, something was wrong: join it again, and see here.`,
  joined: (name: string) => `The box is in “${name}”.`,
  failed: (name: string) => `“${name}” was not joined.`,
  list: "Wi-Fi networks",
  listOld: "They are those that the box saw before it made its own Wi-Fi.",
  listNone: "None was seen.",
  search: "Search again",
  searching: "Searching …",
  strong: "strong",
  fair: "fair",
  weak: "weak",
  away: "not in reach",
  open: "no password",
  known: "known",
  other: "This one wants a name and a password for each person, or is kept in an old way: the box cannot join it.",
  join: "Join",
  joinName: (name: string) => `Join “${name}”`,
  here: "Connected",
  forget: "Forget",
  forgetName: (name: string) => `Forget “${name}”`,
  forgetTitle: (name: string) => `Forget “${name}”?`,
  forgetHere: "The box is in it just now, and leaves it. If you see this page by it, you lose the page.",
  forgetBody: "To use it again its password is needed.",
  forgetYes: "Forget",
  no: "No",
  another: "Another Wi-Fi …",
  name: "Name of the Wi-Fi",
  nameHint: "Letter by letter, capital and small ones.",
  password: "Password",
  passwordKnown: "Leave it empty to use the one that the box knows.",
  passwordOpen: "Leave it empty if it has none.",
  show: "Show the password",
  hidden: "It does not show its name",
  country: "Country",
  countryHint: "Which channels a radio may use is the law of the country. Many 5 GHz networks are only found with it.",
  countryNone: "Not said",
  cancel: "Cancel",
};

export type NetworkCatalogue = typeof en;

export const t: NetworkCatalogue = spoken(en, (texts) => texts.network);

/** Countries that the kernel has radio rules for (wireless-regdb), by ISO 3166-1. */
export const COUNTRIES =
  "AD AE AF AI AL AM AR AS AT AU AW AZ BA BB BD BE BF BG BH BL BM BN BO BR BS BT BY BZ CA CF CH CI CL CM CN CO CR CU CX CY CZ DE DK DM DO DZ EC EE EG ES ET FI FM FR GB GD GE GF GH GI GL GP GR GT GU GY HK HN HR HT HU ID IE IL IN IR IS IT JM JO JP KE KH KN KP KR KW KY KZ LB LC LI LK LS LT LU LV MA MC MD ME MF MH MK MN MO MP MQ MR MT MU MV MW MX MY NG NI NL NO NP NZ OM PA PE PF PG PH PK PL PM PR PT PW PY QA RE RO RS RU RW SA SE SG SI SK SN SR SV SY TC TD TG TH TN TR TT TW TZ UA UG US UY UZ VC VE VI VN VU WF WS YE YT ZA ZW"
    .split(" ");
