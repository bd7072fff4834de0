import type { Texts } from "../state/language.svelte";
import { de as network } from "../network/strings.de";
import { de as page } from "../strings.de";
import { de as system } from "../system/strings.de";

export const texts: Texts = { page, network, system };
